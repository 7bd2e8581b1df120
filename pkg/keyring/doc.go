// Package keyring encrypts signing secrets and header values in the database with AES-256-GCM.
//
// A keyring holds one or more keys. The first key encrypts, and all keys decrypt. A rotation has three steps: put a new key in front,
// encrypt again every value for which SealedWithNewest is false, and remove the old key.
//
//	ciphertext = version (1 byte) | key ID (8 bytes) | nonce (12 bytes) | encrypted text | tag (16 bytes)
//
// The version, the key ID and the caller's additional data are authenticated. The additional data names what the secret belongs to, such as
// the ID of its row. A ciphertext that is copied to another row therefore cannot be opened there.
package keyring
