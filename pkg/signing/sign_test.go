package signing

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The vector that the Standard Webhooks libraries are tested with.
const (
	vectorSecret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	vectorID        = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	vectorTime      = 1614265330
	vectorBody      = `{"test": 2432232314}`
	vectorSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
)

func mustParse(t testing.TB, secret string) Key {
	t.Helper()
	key, err := Parse(secret)
	require.NoError(t, err)
	return key
}

func newKey(t testing.TB) (string, Key) {
	t.Helper()
	secret, err := NewSecret()
	require.NoError(t, err)
	return secret, mustParse(t, secret)
}

// headers are those of a signed webhook.
func headers(id string, at time.Time, signature string) http.Header {
	header := http.Header{}
	header.Set(HeaderID, id)
	header.Set(HeaderTimestamp, strconv.FormatInt(at.Unix(), 10))
	header.Set(HeaderSignature, signature)
	return header
}

func TestSignMatchesKnownVector(t *testing.T) {
	at := time.Unix(vectorTime, 999_999_999)
	signature, err := Sign(vectorID, at, []byte(vectorBody), mustParse(t, vectorSecret))
	require.NoError(t, err)
	assert.Equal(t, vectorSignature, signature)
}

func TestSignSeveralKeysEachSignatureVerifies(t *testing.T) {
	_, other := newKey(t)
	at := time.Unix(vectorTime, 0)
	signature, err := Sign(vectorID, at, []byte(vectorBody), other, mustParse(t, vectorSecret))
	require.NoError(t, err)
	signatures := strings.Split(signature, " ")
	require.Len(t, signatures, 2)
	assert.Equal(t, vectorSignature, signatures[1], "in the order of the keys")
	assert.NotEqual(t, signatures[0], signatures[1])
}

func TestSignInvalidArgumentsFail(t *testing.T) {
	at, key := time.Unix(vectorTime, 0), mustParse(t, vectorSecret)

	_, err := Sign(vectorID, at, nil)
	assert.ErrorIs(t, err, ErrNoKey)
	_, err = Sign(vectorID, at, nil, key, Key{})
	assert.ErrorIs(t, err, ErrNoKey, "the zero key among others")
	_, err = Sign(vectorID, time.Time{}, nil, key)
	assert.ErrorIs(t, err, ErrInvalidTimestamp)
	for _, id := range []string{"", "a.b", "a b", "a\r\nb", "ü", "\x00"} {
		_, err = Sign(id, at, nil, key)
		assert.ErrorIs(t, err, ErrInvalidID, "%q", id)
	}
}

// Receivers use the official libraries: whatever we sign, they have to accept.
func TestSignOfficialLibraryVerifies(t *testing.T) {
	oldSecret, oldKey := newKey(t)
	newSecret, newKey := newKey(t)
	strange, err := standardwebhooks.NewWebhook(vectorSecret)
	require.NoError(t, err)

	rapid.Check(t, func(t *rapid.T) {
		id := rapid.StringMatching(`dlv_[0-9A-HJKMNP-TV-Z]{26}`).Draw(t, "id")
		body := rapid.SliceOf(rapid.Byte()).Draw(t, "body")
		now := time.Now()
		for _, keys := range [][]Key{{oldKey, newKey}, {newKey, oldKey}} {
			signature, err := Sign(id, now, body, keys...)
			require.NoError(t, err)
			header := headers(id, now, signature)
			for _, secret := range []string{oldSecret, newSecret} {
				library, err := standardwebhooks.NewWebhook(secret)
				require.NoError(t, err)
				require.NoError(t, library.Verify(body, header))
			}
			require.Error(t, strange.Verify(body, header))
			require.Error(t, strange.Verify(append(body, ' '), header))
		}

		single, err := Sign(id, now, body, oldKey)
		require.NoError(t, err)
		library, err := standardwebhooks.NewWebhook(oldSecret)
		require.NoError(t, err)
		require.NoError(t, library.Verify(body, headers(id, now, single)))
		theirs, err := library.Sign(id, now, body)
		require.NoError(t, err)
		require.Equal(t, theirs, single)
	})
}
