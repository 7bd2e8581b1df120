package webhook

import (
	"crypto/rand"
	"crypto/sha256"
	"hash/crc32"
	"math/big"
	"strings"
	"time"
)

// Scope is what an API key may do.
type Scope string

// The scopes of an API key.
const (
	ScopeRead      Scope = "read"
	ScopeReadWrite Scope = "read-write"
	// ScopePlatform is the scope of a platform key. It belongs to no organization and acts as a read-write key of each.
	ScopePlatform Scope = "platform"
)

// APIKey is a stored API key. The raw key is shown once and not stored; only its hash is.
type APIKey struct {
	ID             string
	OrganizationID string
	Name           string
	Description    string
	Scope          Scope
	KeyPrefix      string // the first characters of the raw key, which may be shown
	KeyHash        [sha256.Size]byte
	// Raw is the raw key. It is set only while the key is created, and is not stored.
	Raw        Secret
	CreatedBy  string
	CreatedAt  time.Time
	ExpiresAt  time.Time // zero: never
	RevokedAt  time.Time // zero: not revoked
	LastUsedAt time.Time // zero: never used
}

// Valid reports whether the key is neither revoked nor expired.
func (k APIKey) Valid(now time.Time) bool {
	return k.RevokedAt.IsZero() && (k.ExpiresAt.IsZero() || now.Before(k.ExpiresAt))
}

// Platform reports whether the key is a platform key, also while it acts for an organization.
func (k APIKey) Platform() bool { return strings.HasPrefix(k.KeyPrefix, rawPlatformKeyPrefix) }

// APIKeyUse is the last use of a key.
type APIKeyUse struct {
	ID string
	At time.Time
}

// APIKeySpec describes a key to create.
type APIKeySpec struct {
	OrganizationID string
	Name           string
	Description    string
	Scope          Scope
	ExpiresAt      time.Time // zero: never
	CreatedBy      string
}

// Check returns an error with everything that is wrong with the spec of an organization's key.
func (s APIKeySpec) Check(now time.Time) error {
	if err := CheckOrganizationID(s.OrganizationID); err != nil {
		return err
	}
	var c check
	s.texts(&c)
	if s.Scope != ScopeRead && s.Scope != ScopeReadWrite {
		c.add("invalid_scope", "scope", "scope must be read or read-write")
	}
	s.expiry(&c, now)
	return c.err()
}

// CheckPlatform is Check for the spec of a platform key.
func (s APIKeySpec) CheckPlatform(now time.Time) error {
	var c check
	if s.OrganizationID != "" || s.Scope != ScopePlatform {
		c.add("invalid_scope", "scope", "a platform key has the scope platform and belongs to no organization")
	}
	s.texts(&c)
	s.expiry(&c, now)
	return c.err()
}

func (s APIKeySpec) texts(c *check) {
	c.required("name", s.Name, maxEndpointName)
	c.text("description", s.Description, maxDescription)
}

func (s APIKeySpec) expiry(c *check, now time.Time) {
	if !s.ExpiresAt.IsZero() && !s.ExpiresAt.After(now) {
		c.add("out_of_range", "expiresAt", "expiresAt must be in the future")
	}
}

// A raw key has three parts: the prefix rdk_, or rpk_ for a platform key; 32 random bytes as 43 digits of base 62; and the CRC-32 of these
// digits as 6 more.
// With the checksum, the API and a leak scanner recognize a key without a database.
const (
	rawKeyPrefix         = "rdk_"
	rawPlatformKeyPrefix = "rpk_"
	rawKeyDigits         = 43 // 62^43 > 2^256
	rawKeyChecksum       = 6  // 62^6 > 2^32
	// VisibleKeyChars is how many characters of a raw key are stored and may be shown.
	VisibleKeyChars = len(rawKeyPrefix) + 8
)

// NewAPIKey makes a key from a checked spec. It also returns the raw key, which is to be shown once.
func NewAPIKey(spec APIKeySpec, now time.Time) (APIKey, Secret) {
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails: crypto/rand ends the program on an error
	digits := base62(new(big.Int).SetBytes(random[:]), rawKeyDigits)
	raw := prefixOf(spec.Scope) + digits + checksum(digits)
	return APIKey{
		ID:             NewID(KindAPIKey, now),
		OrganizationID: spec.OrganizationID,
		Name:           spec.Name,
		Description:    spec.Description,
		Scope:          spec.Scope,
		KeyPrefix:      raw[:VisibleKeyChars],
		KeyHash:        HashAPIKey(raw),
		CreatedBy:      spec.CreatedBy,
		CreatedAt:      now,
		ExpiresAt:      spec.ExpiresAt,
	}, Secret(raw)
}

func prefixOf(scope Scope) string {
	if scope == ScopePlatform {
		return rawPlatformKeyPrefix
	}
	return rawKeyPrefix
}

// CheckRawKey reports whether the text has the form and the checksum of a raw key.
func CheckRawKey(raw string) bool {
	rest, ok := strings.CutPrefix(raw, rawKeyPrefix)
	if !ok {
		rest, ok = strings.CutPrefix(raw, rawPlatformKeyPrefix)
	}
	return ok && len(rest) == rawKeyDigits+rawKeyChecksum && checksum(rest[:rawKeyDigits]) == rest[rawKeyDigits:]
}

// HashAPIKey returns the hash of a raw key, which is stored. SHA-256 suffices, because the key has 256 random bits and is not a password.
func HashAPIKey(raw string) [sha256.Size]byte { return sha256.Sum256([]byte(raw)) }

func checksum(digits string) string {
	return base62(big.NewInt(int64(crc32.ChecksumIEEE([]byte(digits)))), rawKeyChecksum)
}

func base62(n *big.Int, width int) string {
	text := n.Text(62)
	return strings.Repeat("0", width-len(text)) + text
}
