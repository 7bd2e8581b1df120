package signing

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNewSecretIsRandomAndParses(t *testing.T) {
	first, _ := newKey(t)
	second, _ := newKey(t)
	assert.NotEqual(t, first, second)
	encoded, found := strings.CutPrefix(first, "whsec_")
	require.True(t, found)
	decoded, err := base64.StdEncoding.DecodeString(encoded)
	require.NoError(t, err)
	assert.Len(t, decoded, 32)
}

func TestParseInvalidSecretFails(t *testing.T) {
	encode := func(size int) string { return Prefix + base64.StdEncoding.EncodeToString(make([]byte, size)) }
	for _, size := range []int{24, 25, 26, 32, 64} {
		_, err := Parse(encode(size))
		assert.NoError(t, err, "%d bytes", size)
	}
	for name, secret := range map[string]string{
		"empty":             "",
		"prefix alone":      Prefix,
		"no prefix":         strings.TrimPrefix(vectorSecret, Prefix),
		"prefix in capital": strings.ToUpper(Prefix) + strings.TrimPrefix(vectorSecret, Prefix),
		"too short":         encode(23),
		"too long":          encode(65),
		"huge":              encode(1 << 20),
		"space before":      " " + vectorSecret,
		"line break after":  vectorSecret + "\n",
		"line break inside": vectorSecret[:12] + "\r\n" + vectorSecret[12:],
		"no padding":        strings.TrimRight(encode(32), "="),
		"URL alphabet":      strings.Replace(vectorSecret, "M", "_", 1),
		"stray bits":        encode(32)[:len(encode(32))-2] + "B=",
		"not base64":        Prefix + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa!!",
		"invalid UTF-8":     Prefix + strings.Repeat("\xff", 32),
	} {
		_, err := Parse(secret)
		if assert.ErrorIs(t, err, ErrInvalidSecret, name) && secret != "" && secret != Prefix {
			assert.NotContains(t, err.Error(), strings.TrimSpace(strings.TrimPrefix(secret, Prefix)), name)
			assert.Less(t, len(err.Error()), 200, name)
		}
	}
}

func TestKeyFormattedIsRedacted(t *testing.T) {
	material := []byte("0123456789abcdefghijklmnopqrstuv")
	secret := Prefix + base64.StdEncoding.EncodeToString(material)
	key := mustParse(t, secret)
	type holder struct {
		Public  Key
		private Key
	}

	var texts []string
	held := holder{Public: key, private: key}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "%t", "%08.3f"} {
		for _, value := range []any{key, &key, []Key{key}, map[string]Key{"a": key}, held, &held} {
			texts = append(texts, fmt.Sprintf(verb, value))
		}
	}
	encoded, err := json.Marshal(held)
	require.NoError(t, err)
	var logged bytes.Buffer
	slog.New(slog.NewTextHandler(&logged, nil)).Info("text", "key", key, "held", held)
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("json", "key", key, "held", held)
	texts = append(texts, string(encoded), logged.String(), key.String(), key.GoString(), key.LogValue().String())

	for _, text := range texts {
		for _, leak := range []string{
			string(material[:4]), secret[len(Prefix) : len(Prefix)+6], fmt.Sprintf("%x", material[:4]),
			fmt.Sprintf("%X", material[:4]), "48 49 50 51", "0x30, 0x31", "30 31 32",
		} {
			assert.NotContains(t, text, leak)
		}
	}
}

// FuzzParse holds Parse to this: it never panics, its errors quote nothing, and what it accepts it reads as
// the official library does.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{vectorSecret, "", Prefix, "whsec_=", "whsec_AAAA", Prefix + strings.Repeat("A", 43) + "="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, secret string) {
		key, err := Parse(secret)
		if err != nil {
			require.ErrorIs(t, err, ErrInvalidSecret)
			if rest := strings.TrimPrefix(secret, Prefix); len(rest) >= minKeySize {
				require.NotContains(t, err.Error(), rest)
			}
			return
		}
		ours, err := Sign(vectorID, time.Unix(vectorTime, 0), nil, key)
		require.NoError(t, err)
		library, err := standardwebhooks.NewWebhook(secret)
		require.NoError(t, err)
		theirs, err := library.Sign(vectorID, time.Unix(vectorTime, 0), nil)
		require.NoError(t, err)
		require.Equal(t, theirs, ours)
	})
}

func TestParseAllKeepsOrderAndNamesInvalid(t *testing.T) {
	first, err := NewSecret()
	require.NoError(t, err)
	second, err := NewSecret()
	require.NoError(t, err)
	keys, err := ParseAll([]string{first, second})
	require.NoError(t, err)
	at, body := time.Unix(1614265330, 0), []byte(`{}`)
	both, err := Sign("msg_1", at, body, keys...)
	require.NoError(t, err)
	one, err := Sign("msg_1", at, body, keys[0])
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(both, one+" "))

	_, err = ParseAll([]string{first, "whsec_canary"})
	require.ErrorIs(t, err, ErrInvalidSecret)
	require.ErrorContains(t, err, "2 of 2")
	assert.NotContains(t, err.Error(), "canary")
}
