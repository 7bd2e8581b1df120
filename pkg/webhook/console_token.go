package webhook

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// consoleTokenSize is the number of random bytes of a token.
const consoleTokenSize = 32

// NewConsoleToken returns a random token of a link or of a session: 32 random bytes in unpadded base64url.
func NewConsoleToken() Secret {
	var random [consoleTokenSize]byte
	_, _ = rand.Read(random[:]) // never fails: crypto/rand ends the program on an error
	return Secret(base64.RawURLEncoding.EncodeToString(random[:]))
}

// CheckConsoleToken reports whether the text has the form of a token.
func CheckConsoleToken(text string) bool {
	random, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil && len(random) == consoleTokenSize && len(text) == base64.RawURLEncoding.EncodedLen(consoleTokenSize)
}

// HashConsoleToken returns the hash of a token, which is stored. SHA-256 suffices, because the token has 256 random bits.
func HashConsoleToken(token Secret) [sha256.Size]byte { return sha256.Sum256([]byte(token.Reveal())) }
