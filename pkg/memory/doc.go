// Package memory bounds the bytes that the requests or attempts of one process hold at the same time.
//
// A caller reserves bytes before it reads or receives them, and releases them afterwards. Reservations of up to Small bytes are small,
// the others large:
//
//	small ────────────────────────────────────────▶ whole budget ──▶ reserved
//	large ──▶ owner's half ──▶ large ones' 3/4 ───────▲
//
// One owner (an organization) therefore never takes the large reservations of the others, and large reservations never take the last
// quarter from the small ones. At each step callers are served in the order in which they came, so that a large reservation is not
// starved by smaller ones.
//
// A reservation is made as a whole. Callers that hold one and wait for another could deadlock, so a request makes one at a time.
package memory
