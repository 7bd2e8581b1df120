package signing

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestVerifyValidIsAccepted(t *testing.T) {
	at, body, key := time.Unix(vectorTime, 0), []byte(vectorBody), mustParse(t, vectorSecret)
	_, other := newKey(t)
	header := headers(vectorID, at, vectorSignature)

	assert.NoError(t, Verify(header, body, at, DefaultTolerance, key))
	assert.NoError(t, Verify(header, body, at, 0, key))
	assert.NoError(t, Verify(header, body, at, DefaultTolerance, other, key), "the second key")
	assert.NoError(t, Verify(headers(vectorID, at, "v2,abc v1a,abc v1,AAAA  "+vectorSignature), body, at, 0, key),
		"among other signatures")

	assert.NoError(t, Verify(header, body, at.Add(DefaultTolerance), DefaultTolerance, key))
	assert.NoError(t, Verify(header, body, at.Add(-DefaultTolerance), DefaultTolerance, key))
	for _, now := range []time.Time{
		at.Add(DefaultTolerance + time.Second), at.Add(-DefaultTolerance - time.Second), {}, time.Unix(1<<60, 0),
	} {
		assert.ErrorIs(t, Verify(header, body, now, DefaultTolerance, key), ErrOutsideTolerance, now)
	}

	assert.ErrorIs(t, Verify(header, body, at, DefaultTolerance), ErrNoKey)
	assert.ErrorIs(t, Verify(header, body, at, DefaultTolerance, Key{}), ErrNoKey)
	assert.ErrorIs(t, Verify(header, body, at, DefaultTolerance, other), ErrNoMatchingSignature)
	assert.ErrorIs(t, Verify(header, []byte(vectorBody+" "), at, DefaultTolerance, key), ErrNoMatchingSignature)
	assert.ErrorIs(t, Verify(header, nil, at, DefaultTolerance, key), ErrNoMatchingSignature)
	later := at.Add(time.Second)
	assert.ErrorIs(t, Verify(headers(vectorID, later, vectorSignature), body, at, DefaultTolerance, key),
		ErrNoMatchingSignature, "another timestamp")
	assert.ErrorIs(t, Verify(headers("msg_other", at, vectorSignature), body, at, DefaultTolerance, key),
		ErrNoMatchingSignature, "another ID")
}

func TestVerifyChangedSignatureIsRefused(t *testing.T) {
	at, body, key := time.Unix(vectorTime, 0), []byte(vectorBody), mustParse(t, vectorSecret)
	for i := range vectorSignature {
		changed := []byte(vectorSignature)
		changed[i] ^= 1
		header := headers(vectorID, at, string(changed))
		assert.ErrorIs(t, Verify(header, body, at, 0, key), ErrNoMatchingSignature, "byte %d", i)
		header = headers(vectorID, at, vectorSignature[:i+1])
		if i+1 < len(vectorSignature) {
			assert.ErrorIs(t, Verify(header, body, at, 0, key), ErrNoMatchingSignature, "cut after byte %d", i)
		}
	}
}

func TestVerifyHeadersIncompleteIsRefused(t *testing.T) {
	at, body, key := time.Unix(vectorTime, 0), []byte(vectorBody), mustParse(t, vectorSecret)
	for _, name := range []string{HeaderID, HeaderTimestamp, HeaderSignature} {
		header := headers(vectorID, at, vectorSignature)
		header.Add(name, header.Get(name))
		assert.ErrorIs(t, Verify(header, body, at, 0, key), ErrMissingHeader, "%s twice", name)
		header.Del(name)
		assert.ErrorIs(t, Verify(header, body, at, 0, key), ErrMissingHeader, "no %s", name)
		header.Set(name, "")
		assert.ErrorIs(t, Verify(header, body, at, 0, key), ErrMissingHeader, "empty %s", name)
	}
	for _, timestamp := range []string{
		"x", "+1614265330", "-1", "01614265330", "1614265330.0", " 1614265330", "1e9",
		"99999999999999999999",
	} {
		header := headers(vectorID, at, vectorSignature)
		header.Set(HeaderTimestamp, timestamp)
		assert.ErrorIs(t, Verify(header, body, at, 0, key), ErrInvalidTimestamp, "%q", timestamp)
	}
	header := headers("msg.1614265330", at, vectorSignature)
	assert.ErrorIs(t, Verify(header, body, at, 0, key), ErrInvalidID)
}

// FuzzVerify holds Verify to this: it never panics, and believes nothing but a header that Sign would make.
func FuzzVerify(f *testing.F) {
	f.Add(vectorID, "1614265330", vectorSignature, []byte(vectorBody))
	f.Add(vectorID, "1614265330", "v1,AAAA "+vectorSignature, []byte(vectorBody))
	f.Add("", "-1", "v1,", []byte(nil))
	f.Add("a.b", "01", ", ,  v1", []byte("\x00"))
	key := mustParse(f, vectorSecret)
	f.Fuzz(func(t *testing.T, id, timestamp, signature string, body []byte) {
		header := headers(id, time.Unix(0, 0), signature)
		header.Set(HeaderTimestamp, timestamp)
		if Verify(header, body, time.Unix(vectorTime, 0), DefaultTolerance, key) != nil {
			return
		}
		seconds, err := parseTimestamp(timestamp)
		require.NoError(t, err)
		expected, err := Sign(id, time.Unix(seconds, 0), body, key)
		require.NoError(t, err)
		require.Contains(t, signature, expected)
	})
}
