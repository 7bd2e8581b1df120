package webhook

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

const (
	// IdempotencyLifetime is how long an idempotency key is kept. Later, the key is as good as new.
	IdempotencyLifetime = 24 * time.Hour
	// MaxIdempotencyKey is the length of the longest idempotency key of an event.
	MaxIdempotencyKey = 255
	// idempotencyRetryAfter is when a caller should repeat a request whose first one is in progress.
	idempotencyRetryAfter = time.Second
)

// IdempotencyKey identifies a request of an organization, so that its repetition has no second effect.
type IdempotencyKey struct {
	Hash        [sha256.Size]byte // of the key that the caller has chosen
	Fingerprint [sha256.Size]byte // of the request
}

// NewIdempotencyKey returns the key of a request that consists of the parts.
func NewIdempotencyKey(key string, parts ...[]byte) IdempotencyKey {
	return IdempotencyKey{Hash: sha256.Sum256([]byte(key)), Fingerprint: Fingerprint(parts...)}
}

// Fingerprint returns the SHA-256 of a list of texts. Each is preceded by its length, so that no two lists are the same text.
func Fingerprint[T []byte | string](parts ...T) [sha256.Size]byte {
	hash := sha256.New()
	for _, part := range parts {
		_ = binary.Write(hash, binary.BigEndian, uint64(len(part))) // a hash never fails
		_, _ = hash.Write([]byte(part))
	}
	return [sha256.Size]byte(hash.Sum(nil))
}

// CheckIdempotencyKey returns an error unless the key has 1 to longest printable ASCII characters. Field names where the key is.
func CheckIdempotencyKey(field, key string, longest int) error {
	if validIdempotencyKey(key, longest) {
		return nil
	}
	return Invalid("invalid_idempotency_key", field, idempotencyKeyRule(field, longest))
}

func validIdempotencyKey(key string, longest int) bool {
	printable := func(r rune) bool { return r >= ' ' && r <= '~' }
	return key != "" && len(key) <= longest && strings.IndexFunc(key, func(r rune) bool { return !printable(r) }) < 0
}

func idempotencyKeyRule(field string, longest int) string {
	return fmt.Sprintf("%s must be 1 to %d printable ASCII characters", field, longest)
}

// IdempotencyKeyReused returns the error for a key that the organization has used for another request. Field names where the key is.
func IdempotencyKeyReused(field string) *Error {
	return Invalid("idempotency_key_reused", field,
		fmt.Sprintf("this %s was used for another request within the last 24 hours; use a new one for each request", field))
}

// The errors of a key that cannot be used now. Compare them with errors.Is.
var (
	// ErrIdempotencyInProgress is for a request whose first one has not ended. It may be repeated.
	ErrIdempotencyInProgress = &Error{
		Code:    CodeConflict,
		Message: "the first request with this idempotency key is still in progress; repeat the request shortly",
		Details: []Detail{{Reason: "idempotency_in_progress", Message: "wait for as many seconds as the header Retry-After says, and send the same request again"}},

		RetryAfter: idempotencyRetryAfter,
	}
	// ErrIdempotencyKeyTaken means that a write had no effect, because its key is recorded or is being recorded. A caller of the store
	// looks for the record and does not pass the error on.
	ErrIdempotencyKeyTaken = &Error{Code: CodeConflict, Message: "the idempotency key is taken", Details: []Detail{{Reason: "idempotency_key_taken"}}}
)

// Idempotency returns the key of an event, or nil if the spec has none. White space outside of strings makes no other content.
func (s EventSpec) Idempotency() *IdempotencyKey {
	if s.IdempotencyKey == "" {
		return nil
	}
	var data bytes.Buffer
	if json.Compact(&data, s.Data) != nil {
		data.Reset()
		data.Write(s.Data)
	}
	key := NewIdempotencyKey(s.IdempotencyKey, []byte("event"), []byte(s.Type), []byte(s.WorkflowID), []byte(s.RunID), []byte(s.ExecutionID), data.Bytes())
	return &key
}

// Recorded is the record of a request with an idempotency key.
type Recorded struct {
	Fingerprint [sha256.Size]byte
	// SubjectID is the ID of the event, or of the resource that the call made or changed.
	SubjectID string
	// Answer is the data of the answer. It is empty if the data is the subject as it is now.
	Answer []byte
	// Audit is the line of the audit log that has not been written yet, as in Call. It is empty if the line was written.
	Audit []byte
	At    time.Time
}

// Call is a request with an idempotency key that publishes nothing. A write that finds the call in its context records it in the
// transaction of its effect. It returns ErrIdempotencyKeyTaken or ErrIdempotencyInProgress, and has no effect, if another request has
// the key.
type Call struct {
	OrganizationID string
	IdempotencyKey
	At time.Time
	// Answer returns the data of the answer to what the write has made. If it is nil, the data is the subject as it is when the call is
	// repeated.
	Answer func(made any) ([]byte, error)
	// Audit is recorded together with the call, if it is not empty. It is the line that the audit log gets when the effect is known. A
	// process that can write the line takes it from the record first, so that it is written once.
	Audit []byte
}

type callInContext struct{}

// WithCall returns a context for the write that has the effect of a call.
func WithCall(ctx context.Context, call *Call) context.Context {
	return context.WithValue(ctx, callInContext{}, call)
}

// CallOf returns the call of a context, or nil if there is none.
func CallOf(ctx context.Context) *Call {
	call, _ := ctx.Value(callInContext{}).(*Call)
	return call
}
