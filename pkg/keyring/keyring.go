package keyring

import (
	"crypto/cipher"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
)

// version is the first byte of every ciphertext. It stands for the layout in the package comment.
const version = 1

// The sizes of the parts around the encrypted text, in bytes. The nonce and the tag have GCM's usual sizes.
const (
	headerSize = 1 + keyIDSize
	nonceSize  = 12
	tagSize    = 16
	minSize    = headerSize + nonceSize + tagSize
)

var (
	// ErrUnknownKey is the error for a ciphertext whose key is not in the keyring.
	ErrUnknownKey = errors.New("sealed with a key that is not in the keyring")

	// ErrTampered is the error for a ciphertext that is truncated, changed, of an unknown version, or opened with other additional data
	// than it was sealed with. The error does not distinguish these cases.
	ErrTampered = errors.New("sealed text is damaged or belongs elsewhere")
)

// Keyring encrypts (Seal) and decrypts (Open). Parse makes it. It is safe for concurrent use, and no way of printing it shows its keys.
type Keyring struct {
	newest keyID

	// The ciphers are behind closures. If a Keyring is in an unexported field of another struct, fmt does not call its methods, and some
	// verbs follow pointers down to the AES key schedule. Of a function, fmt prints only the address.
	ciphers map[keyID]func() cipher.AEAD
}

// cipher returns the cipher of a key, and false if the key is not in the keyring.
func (k *Keyring) cipher(id keyID) (cipher.AEAD, bool) {
	get, found := k.ciphers[id]
	if !found {
		return nil, false
	}
	return get(), true
}

// Seal encrypts with the newest key and binds the additional data. The additional data is not stored; Open needs it again. The nonce is
// random, so that a key may seal 2^32 values (NIST SP 800-38D, section 8.3). Seal returns an error for a Keyring that Parse did not make.
func (k *Keyring) Seal(plaintext, additionalData []byte) ([]byte, error) {
	aead, found := k.cipher(k.newest)
	if !found {
		return nil, errors.New("sealing: the keyring is empty")
	}
	header := append([]byte{version}, k.newest[:]...)
	//nolint:gosec // G407: the cipher is made by cipher.NewGCMWithRandomNonce and prepends a random nonce
	return append(header, aead.Seal(nil, nil, plaintext, bind(header, additionalData))...), nil
}

// Open decrypts a ciphertext of Seal with the same additional data. Its errors match ErrUnknownKey or ErrTampered.
func (k *Keyring) Open(ciphertext, additionalData []byte) ([]byte, error) {
	id, found := sealedWith(ciphertext)
	if !found {
		return nil, fmt.Errorf("opening: %w", ErrTampered)
	}
	aead, found := k.cipher(id)
	if !found {
		// The ID is a hash. It tells an operator which key is missing.
		return nil, fmt.Errorf("opening: %w: key ID %x", ErrUnknownKey, id[:])
	}
	header, sealed := ciphertext[:headerSize], ciphertext[headerSize:]
	plaintext, err := aead.Open(nil, nil, sealed, bind(header, additionalData))
	if err != nil {
		return nil, fmt.Errorf("opening: %w", ErrTampered)
	}
	return plaintext, nil
}

// SealedWithNewest reports whether the ciphertext was sealed with the key that Seal uses. If not, it should be opened and sealed again.
func (k *Keyring) SealedWithNewest(ciphertext []byte) bool {
	id, found := sealedWith(ciphertext)
	return found && len(k.ciphers) > 0 && id == k.newest
}

// KeyOf returns the ID of the key that sealed a ciphertext, and whether the key is in the keyring. The first bytes of the ciphertext
// suffice. The ID is a hash and not secret. It is "unreadable" if the bytes are not a ciphertext.
func (k *Keyring) KeyOf(ciphertext []byte) (id string, known bool) {
	if len(ciphertext) < headerSize || ciphertext[0] != version {
		return "unreadable", false
	}
	key := keyID(ciphertext[1:headerSize])
	_, known = k.ciphers[key]
	return hex.EncodeToString(key[:]), known
}

// sealedWith returns the key ID of a ciphertext, and false if the bytes are not a ciphertext.
func sealedWith(ciphertext []byte) (keyID, bool) {
	if len(ciphertext) < minSize || ciphertext[0] != version {
		return keyID{}, false
	}
	return keyID(ciphertext[1:headerSize]), true
}

// bind joins the header, which has a fixed length, and the caller's additional data.
func bind(header, additionalData []byte) []byte {
	return slices.Concat(header, additionalData)
}
