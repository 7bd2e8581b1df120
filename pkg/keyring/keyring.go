package keyring

import (
	"crypto/cipher"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
)

// version is the first byte of every ciphertext: the layout drawn in the package comment.
const version = 1

// The sizes in bytes of what surrounds the encrypted text. The nonce and the tag are GCM's usual ones.
const (
	headerSize = 1 + keyIDSize
	nonceSize  = 12
	tagSize    = 16
	minSize    = headerSize + nonceSize + tagSize
)

var (
	// ErrUnknownKey is of a ciphertext whose key is not in the ring.
	ErrUnknownKey = errors.New("sealed with a key that is not in the keyring")

	// ErrTampered is of a ciphertext that is cut short, of an unknown version, changed, or opened with other additional
	// data than it was sealed with. They are not told apart.
	ErrTampered = errors.New("sealed text is damaged or belongs elsewhere")
)

// Keyring seals and opens. It is made by Parse, is safe for concurrent use, and shows nothing of its keys however it is
// printed.
type Keyring struct {
	newest keyID

	// Behind closures, because fmt calls no methods of a Keyring that sits in an unexported field of another struct, and
	// some verbs follow pointers there, down to the AES key schedule; of a function it prints the address only.
	ciphers map[keyID]func() cipher.AEAD
}

// cipher returns the cipher of a key, false if the key is not in the ring.
func (k *Keyring) cipher(id keyID) (cipher.AEAD, bool) {
	get, found := k.ciphers[id]
	if !found {
		return nil, false
	}
	return get(), true
}

// Seal encrypts with the newest key and binds the additional data, which is not stored and has to be given to Open again.
// The nonce is random, so a key is good for 2^32 seals (NIST SP 800-38D, section 8.3). The error is for a Keyring that
// Parse did not make.
func (k *Keyring) Seal(plaintext, additionalData []byte) ([]byte, error) {
	aead, found := k.cipher(k.newest)
	if !found {
		return nil, errors.New("sealing: the keyring is empty")
	}
	header := append([]byte{version}, k.newest[:]...)
	//nolint:gosec // G407: the cipher is made by cipher.NewGCMWithRandomNonce and puts a random nonce in front by itself
	return append(header, aead.Seal(nil, nil, plaintext, bind(header, additionalData))...), nil
}

// Open decrypts what Seal made with the same additional data. The errors match ErrUnknownKey and ErrTampered.
func (k *Keyring) Open(ciphertext, additionalData []byte) ([]byte, error) {
	id, found := sealedWith(ciphertext)
	if !found {
		return nil, fmt.Errorf("opening: %w", ErrTampered)
	}
	aead, found := k.cipher(id)
	if !found {
		// The ID is a hash and names the key that an operator has to put back.
		return nil, fmt.Errorf("opening: %w: key ID %x", ErrUnknownKey, id[:])
	}
	header, sealed := ciphertext[:headerSize], ciphertext[headerSize:]
	plaintext, err := aead.Open(nil, nil, sealed, bind(header, additionalData))
	if err != nil {
		return nil, fmt.Errorf("opening: %w", ErrTampered)
	}
	return plaintext, nil
}

// SealedWithNewest says whether the ciphertext names the key that Seal uses. If not, it is due to be opened and sealed
// again.
func (k *Keyring) SealedWithNewest(ciphertext []byte) bool {
	id, found := sealedWith(ciphertext)
	return found && len(k.ciphers) > 0 && id == k.newest
}

// KeyOf returns the ID of the key that sealed a ciphertext, of which the first bytes are enough, and whether it is in the ring. The ID
// is a hash, and no secret. It is "unreadable" for what is no ciphertext.
func (k *Keyring) KeyOf(ciphertext []byte) (id string, known bool) {
	if len(ciphertext) < headerSize || ciphertext[0] != version {
		return "unreadable", false
	}
	key := keyID(ciphertext[1:headerSize])
	_, known = k.ciphers[key]
	return hex.EncodeToString(key[:]), known
}

// sealedWith reads the key ID of a ciphertext, false if it is not one.
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
