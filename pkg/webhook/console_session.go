package webhook

import (
	"crypto/sha256"
	"time"
)

// ByOperator is the author of what the operator does in the console after a login by password.
const ByOperator = "operator"

// The lifetimes of console sessions.
const (
	// DefaultLinkLifetime and MaxLinkLifetime are how long a link can be opened.
	DefaultLinkLifetime = 10 * time.Minute
	MaxLinkLifetime     = 7 * 24 * time.Hour
	// DefaultSessionLifetime and MaxSessionLifetime are how long a session by link lasts after it was opened.
	DefaultSessionLifetime = time.Hour
	MaxSessionLifetime     = 7 * 24 * time.Hour
	// LoginLifetime is how long a session lasts that was made by an API key or by the operator's password: a working day.
	LoginLifetime = 12 * time.Hour
	// ConsoleSessionsKept is how long a session is kept after its end.
	ConsoleSessionsKept = 30 * 24 * time.Hour
)

// MaxConsoleSpan is the longest time from the creation of a session by link to its end.
const MaxConsoleSpan = MaxLinkLifetime + MaxSessionLifetime

// ConsoleSession lets a browser use the console. It is made by a link, by an API key or by the operator's password.
//
//	link:             created ──► opened ──► ended or expired
//	key, password:               opened ──► ended or expired
type ConsoleSession struct {
	ID string
	// OrganizationID is the one organization that the session shows. It is empty for a session of the operator, which shows all of them.
	OrganizationID string
	// Scope is ScopeRead or ScopeReadWrite, and ScopePlatform for a session of the operator.
	Scope Scope
	// Subject says whom a session by link is for, in the words of the platform. It may be empty.
	Subject string
	// Path is the page that the link opens, below ConsolePath. Empty opens the overview.
	Path string
	// APIKeyID is the key that the session is bound to: it ends with the key. It is empty if the operator's password made the session.
	APIKeyID  string
	CreatedBy string
	CreatedAt time.Time
	// LinkExpiresAt is when the link can be opened no more. It is zero for a session without a link.
	LinkExpiresAt time.Time
	// ExpiresAt is when the session ends at the latest: Lifetime after the opening, and before that Lifetime after LinkExpiresAt.
	ExpiresAt time.Time
	OpenedAt  time.Time // zero: not opened
	EndedAt   time.Time // zero: not ended before ExpiresAt
	// Lifetime is how long the session lasts after it was opened, in whole seconds.
	Lifetime time.Duration
	// ByLink is true for a session that a link opens. It sees no API keys and publishes no events.
	ByLink bool
	// ActsFor is the one organization that a session of the operator may write in now. Empty allows no writing.
	ActsFor string
	// LinkHash and TokenHash are the hashes of the link's token and of the session's own. They are zero if there is none.
	LinkHash, TokenHash [sha256.Size]byte
	// Link is the link's token. It is set only while the session is created, and is not stored.
	Link Secret
}

// Live reports whether the session can be used: it was opened, has not ended and has not expired.
func (s ConsoleSession) Live(now time.Time) bool {
	return !s.OpenedAt.IsZero() && s.EndedAt.IsZero() && now.Before(s.ExpiresAt)
}

// Operator reports whether the session is the operator's.
func (s ConsoleSession) Operator() bool { return s.Scope == ScopePlatform }

// Actor returns who acts in the session, as changes, created resources and the audit log name it: the session with its subject for a
// session by link, the API key for a session by key, and ByOperator for one by the operator's password.
func (s ConsoleSession) Actor() string {
	switch {
	case s.ByLink && s.Subject != "":
		return ActorPrefix(s.ID) + s.Subject + ")"
	case s.ByLink:
		return s.ID
	case s.APIKeyID != "":
		return s.APIKeyID
	}
	return ByOperator
}

// subjectBegins stands between the ID and the subject in the text of Actor.
const subjectBegins = " ("

// ActorPrefix returns what the text of Actor begins with for every subject of a session by link.
func ActorPrefix(sessionID string) string { return sessionID + subjectBegins }

// NewConsoleLink returns a session by link of a checked spec. Link has the link's token, which is to be shown once.
func NewConsoleLink(spec ConsoleSessionSpec, now time.Time) ConsoleSession {
	link := NewConsoleToken()
	return ConsoleSession{
		ID: NewID(KindConsoleSession, now), OrganizationID: spec.OrganizationID, Scope: spec.Scope, Subject: spec.Subject, Path: spec.Path,
		APIKeyID: spec.APIKeyID, CreatedBy: spec.CreatedBy, CreatedAt: now, LinkExpiresAt: now.Add(spec.LinkLifetime),
		ExpiresAt: now.Add(spec.LinkLifetime + spec.Lifetime), Lifetime: spec.Lifetime, ByLink: true,
		LinkHash: HashConsoleToken(link), Link: link,
	}
}

// NewConsoleLogin returns an opened session of an API key, and its token. The session of a platform key is the operator's.
func NewConsoleLogin(key APIKey, now time.Time) (ConsoleSession, Secret) {
	s, token := newLogin(now)
	s.OrganizationID, s.Scope, s.APIKeyID, s.CreatedBy = key.OrganizationID, key.Scope, key.ID, key.ID
	if key.Platform() {
		s.OrganizationID, s.Scope = "", ScopePlatform
	}
	if !key.ExpiresAt.IsZero() && key.ExpiresAt.Before(s.ExpiresAt) {
		s.ExpiresAt = key.ExpiresAt
	}
	return s, token
}

// NewOperatorLogin returns an opened session of the operator's password, and its token.
func NewOperatorLogin(now time.Time) (ConsoleSession, Secret) {
	s, token := newLogin(now)
	s.Scope, s.CreatedBy = ScopePlatform, ByOperator
	return s, token
}

func newLogin(now time.Time) (ConsoleSession, Secret) {
	token := NewConsoleToken()
	return ConsoleSession{
		ID: NewID(KindConsoleSession, now), CreatedAt: now, OpenedAt: now, ExpiresAt: now.Add(LoginLifetime), Lifetime: LoginLifetime,
		TokenHash: HashConsoleToken(token),
	}, token
}

// The errors of a link that does not open. A person reads their messages. Compare them with errors.Is.
var (
	ErrLinkUnknown = Invalid("link_unknown", "token", "this link is not known; check that it was copied as a whole, or ask for a new one")
	ErrLinkUsed    = Invalid("link_used", "token", "this link was opened already and works only once; ask for a new one")
	ErrLinkExpired = Invalid("link_expired", "token", "this link has expired or was withdrawn; ask for a new one")
)
