package webhook_test

import (
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/stretchr/testify/require"

	"redrive/pkg/webhook"
)

// An accepted identifier is valid for another ULID parser too, and has no characters that are special in a database,
// a log or a path.
func FuzzCheckID(f *testing.F) {
	valid := webhook.NewID(webhook.KindDelivery, time.Now())
	for _, seed := range []string{
		"", "dlv_", valid, valid[4:], strings.ToLower(valid), valid + "0", "ep" + valid[3:], "dlv_8" + valid[5:], "dlv_7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
		"dlv_" + strings.Repeat("I", 26), valid + "\x00", "dlv_" + strings.Repeat("\xff", 26), "dlv_../" + valid[7:], "dlv_' OR 1=1 --" + valid[15:],
		"dlv_" + strings.Repeat("٠", 13), "dlv_dlv_" + valid[8:], " " + valid, valid + "\n",
	} {
		f.Add(seed)
	}
	kinds := []webhook.Kind{webhook.KindDelivery, webhook.KindEvent, webhook.KindEndpoint, webhook.KindAttempt, webhook.KindAPIKey, webhook.KindRequest}
	f.Fuzz(func(t *testing.T, text string) {
		accepted := 0
		for _, kind := range kinds {
			if webhook.CheckID(kind, text) != nil {
				continue
			}
			accepted++
			rest, ok := strings.CutPrefix(text, string(kind)+"_")
			require.True(t, ok)
			parsed, err := ulid.ParseStrict(rest)
			require.NoError(t, err, "%q", text)
			require.Equal(t, rest, parsed.String(), "there is one way to write it")
		}
		require.LessOrEqual(t, accepted, 1, "no text names two kinds of things")
	})
}

// An accepted raw key has the documented form, and no similar text is accepted.
func FuzzCheckRawKey(f *testing.F) {
	_, secret := webhook.NewAPIKey(webhook.APIKeySpec{}, time.Now())
	raw := secret.Reveal()
	for _, seed := range []string{"", "rdk_", raw, raw[1:], raw + "0", strings.ToUpper(raw), "rdk_" + strings.Repeat("0", 49), "rdk_" + strings.Repeat("\x00", 49), "rdk_" + strings.Repeat("é", 24) + "0"} {
		f.Add(seed, 10)
	}
	f.Fuzz(func(t *testing.T, text string, at int) {
		if !webhook.CheckRawKey(text) {
			return
		}
		require.Len(t, text, len(raw))
		require.True(t, strings.HasPrefix(text, "rdk_"))
		if at < 0 || at >= len(text) {
			return
		}
		changed := []byte(text)
		changed[at] ^= 1
		require.False(t, webhook.CheckRawKey(string(changed)), "the checksum does not see that byte %d is another", at)
	})
}

// A spec of a key is refused with a reason, or the key can be stored.
func FuzzAPIKeySpec(f *testing.F) {
	f.Add("ci", "builds", "read", int64(0))
	f.Add("", "\x00", "READ", int64(-1))
	f.Add(strings.Repeat("é", 129), "\xff", "", int64(1)<<62)
	f.Fuzz(func(t *testing.T, name, description, scope string, seconds int64) {
		spec := webhook.APIKeySpec{OrganizationID: "org_a", Name: name, Description: description, Scope: webhook.Scope(scope)}
		if seconds != 0 {
			spec.ExpiresAt = time.Unix(seconds, 0)
		}
		err := spec.Check(noon)
		if err != nil {
			require.Equal(t, webhook.CodeInvalid, webhook.CodeOf(err))
			return
		}
		require.NotContains(t, name+description, "\x00")
		require.Contains(t, []string{"read", "read-write"}, scope)
		key, raw := webhook.NewAPIKey(spec, noon)
		require.True(t, key.Valid(noon))
		require.Equal(t, key.KeyHash, webhook.HashAPIKey(raw.Reveal()))
	})
}

// The delay of any Retry-After is between 0 and 24 hours.
func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{
		"", "0", "120", "-1", "1.5", "99999999999999999999", " 7 ", "Wed, 21 Oct 2026 07:28:00 GMT", "Wednesday, 21-Oct-26 07:28:00 GMT",
		"Wed Oct 21 07:28:00 2026", "Wed, 21 Oct 9999 07:28:00 GMT", "\x00", "1e9", "١٢", "0x10",
	} {
		f.Add(seed)
	}
	now := time.Date(2026, 10, 21, 7, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, value string) {
		if delay := webhook.ParseRetryAfter(value, now); delay < 0 || delay > 24*time.Hour {
			t.Errorf("%q puts off by %s", value, delay)
		}
	})
}
