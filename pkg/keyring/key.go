package keyring

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

const (
	keySize   = 32 // bytes, for AES-256
	keyIDSize = 8  // bytes; two keys of a ring do not share an ID by chance

	// keyIDLabel separates the ID from other hashes of the key. A change of the label makes all ciphertexts unreadable.
	keyIDLabel = "redrive/keyring/key-id/v1\x00"
)

// keyID identifies a key and reveals nothing about it.
type keyID [keyIDSize]byte

// Generate returns a new random key as Parse reads it, in padded base64.
func Generate() (string, error) {
	key := make([]byte, keySize)
	if _, err := rand.Read(key); err != nil {
		return "", fmt.Errorf("reading random bytes for an encryption key: %w", err)
	}
	return base64.StdEncoding.EncodeToString(key), nil
}

// Parse parses a comma-separated list of keys. A key is 32 bytes in base64, in the standard or the URL alphabet, padded or not. The first
// key encrypts, and all keys decrypt. Space around a key is ignored. An error names the wrong key by its position, counted from 1, and does
// not quote it.
func Parse(s string) (*Keyring, error) {
	if strings.TrimSpace(s) == "" {
		return nil, errors.New("parsing encryption keys: there is none")
	}
	ring := &Keyring{ciphers: make(map[keyID]func() cipher.AEAD)}
	for i, text := range strings.Split(s, ",") {
		id, aead, err := parseKey(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("parsing encryption key %d: %w", i+1, err)
		}
		if _, twice := ring.ciphers[id]; twice {
			return nil, fmt.Errorf("parsing encryption key %d: it is in the list already", i+1)
		}
		if i == 0 {
			ring.newest = id
		}
		ring.ciphers[id] = func() cipher.AEAD { return aead }
	}
	return ring, nil
}

func parseKey(text string) (keyID, cipher.AEAD, error) {
	key, err := decodeKey(text)
	if err != nil {
		return keyID{}, nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return keyID{}, nil, fmt.Errorf("making the cipher: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return keyID{}, nil, fmt.Errorf("making the cipher: %w", err)
	}
	sum := sha256.Sum256(append([]byte(keyIDLabel), key...))
	return keyID(sum[:keyIDSize]), aead, nil
}

// decodeKey converts the four variants of base64 to one and decodes it. It does not return the decoder's own errors, because they describe
// the key.
func decodeKey(text string) ([]byte, error) {
	if text == "" {
		return nil, errors.New("it is empty")
	}
	unpadded := strings.TrimSuffix(text, "=")
	key, err := base64.RawStdEncoding.Strict().DecodeString(strings.NewReplacer("-", "+", "_", "/").Replace(unpadded))
	if err != nil {
		return nil, errors.New("it is not base64")
	}
	if len(key) != keySize {
		return nil, fmt.Errorf("it has %d bytes instead of %d", len(key), keySize)
	}
	if allEqual(key) {
		return nil, errors.New("it is a placeholder, one byte repeated; generate a random key")
	}
	return key, nil
}

// allEqual recognizes placeholder keys, such as 32 zeros.
func allEqual(key []byte) bool {
	for _, b := range key {
		if b != key[0] {
			return false
		}
	}
	return true
}
