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
	keyIDSize = 8  // bytes: enough that two keys of a ring never share one by chance

	// keyIDLabel keeps the ID apart from every other hash of the key that anyone may compute. Changing it orphans all
	// ciphertexts.
	keyIDLabel = "redrive/keyring/key-id/v1\x00"
)

// keyID names a key without telling anything about it.
type keyID [keyIDSize]byte

// Generate returns a new random key as Parse reads it, in padded base64.
func Generate() (string, error) {
	key := make([]byte, keySize)
	if _, err := rand.Read(key); err != nil {
		return "", fmt.Errorf("reading random bytes for an encryption key: %w", err)
	}
	return base64.StdEncoding.EncodeToString(key), nil
}

// Parse reads a comma-separated list of keys of 32 bytes in base64, of the standard or the URL alphabet, padded or not.
// The first encrypts, all decrypt. Space around a key is ignored. The errors say which key is wrong by its place, counted
// from 1, and quote nothing.
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

// decodeKey accepts the four spellings of base64 by turning them into one. The decoder's own errors are dropped: they
// name places in the key.
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

// allEqual finds the keys that stand in examples, such as 32 zeros.
func allEqual(key []byte) bool {
	for _, b := range key {
		if b != key[0] {
			return false
		}
	}
	return true
}
