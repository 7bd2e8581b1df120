// Package keyring encrypts what must not lie readable in the database, above all signing secrets, with AES-256-GCM.
//
// A keyring holds one or more keys: the first encrypts, all of them decrypt. To rotate, put a new key in front, encrypt
// again whatever SealedWithNewest denies, then drop the old key.
//
//	ciphertext = version (1 byte) | key ID (8 bytes) | nonce (12 bytes) | encrypted text | tag (16 bytes)
//
// The version, the key ID and the caller's additional data are authenticated. Callers pass as additional data what the
// secret belongs to, such as its row's ID, so that a ciphertext copied to another row does not open there.
package keyring
