package keyring

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// rawKey has both characters in which the base64 alphabets differ.
var rawKey = []byte("\xfb\xff\xbe0123456789abcdefghijklmnopqrs")

func TestGenerate(t *testing.T) {
	first, second := newKey(t), newKey(t)
	assert.NotEqual(t, first, second)
	decoded, err := base64.StdEncoding.DecodeString(first)
	require.NoError(t, err)
	assert.Len(t, decoded, 32)
}

func TestParseAllBase64VariantsAccepted(t *testing.T) {
	std := base64.StdEncoding.EncodeToString(rawKey)
	require.True(t, strings.Contains(std, "+") && strings.Contains(std, "/"))
	sealed, err := parse(t, std).Seal([]byte("secret"), nil)
	require.NoError(t, err)

	for _, spelling := range []string{
		std,
		base64.RawStdEncoding.EncodeToString(rawKey),
		base64.URLEncoding.EncodeToString(rawKey),
		base64.RawURLEncoding.EncodeToString(rawKey),
		"  " + std + "\n",
		std + " , " + newKey(t),
	} {
		opened, err := parse(t, spelling).Open(sealed, nil)
		require.NoError(t, err, "%q", spelling)
		assert.Equal(t, "secret", string(opened))
		assert.True(t, parse(t, spelling).SealedWithNewest(sealed))
	}
}

func TestParseInvalidRefused(t *testing.T) {
	good := base64.StdEncoding.EncodeToString(rawKey)
	encode := base64.StdEncoding.EncodeToString
	for name, keys := range map[string]string{
		"empty":            "",
		"blank":            " \n",
		"comma":            ",",
		"trailing comma":   good + ",",
		"leading comma":    "," + good,
		"hole":             good + ",," + newKey(t),
		"short":            encode(rawKey[:31]),
		"of AES-128":       encode(rawKey[:16]),
		"long":             encode(append(bytes.Clone(rawKey), 1)),
		"too much padding": good + "=",
		"not base64":       strings.Repeat("!", 44),
		"hexadecimal":      fmt.Sprintf("%x", rawKey),
		"stray bits":       good[:len(good)-2] + "d=",
		"zeros":            encode(make([]byte, 32)),
		"one byte":         encode(bytes.Repeat([]byte("x"), 32)),
		"twice":            good + "," + good,
		"twice, spelled":   good + "," + base64.RawURLEncoding.EncodeToString(rawKey),
		"space inside":     good[:20] + " " + good[20:],
		"second is wrong":  good + ",nonsense",
		"other separator":  good + ";" + newKey(t),
	} {
		ring, err := Parse(keys)
		if !assert.Error(t, err, name) {
			continue
		}
		assert.Nil(t, ring, name)
		for _, leak := range []string{good[:8], "nonsense", "012345", "!!!"} {
			assert.NotContains(t, err.Error(), leak, name)
		}
	}

	_, err := Parse(good + ",nonsense")
	assert.ErrorContains(t, err, "key 2", "the place is named")
}

func TestKeyringPrintsRedacted(t *testing.T) {
	ring := parse(t, base64.StdEncoding.EncodeToString(rawKey))
	type holder struct {
		Public  *Keyring
		private *Keyring
		copied  Keyring
	}
	held := holder{Public: ring, private: ring, copied: *ring}

	var texts []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "%t"} {
		for _, value := range []any{ring, *ring, []*Keyring{ring}, held, &held} {
			texts = append(texts, fmt.Sprintf(verb, value))
		}
	}
	encoded, err := json.Marshal(held)
	require.NoError(t, err)
	var logged bytes.Buffer
	slog.New(slog.NewTextHandler(&logged, nil)).Info("text", "ring", ring, "held", held)
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("json", "ring", ring, "held", held)
	texts = append(texts, string(encoded), logged.String(), ring.String(), ring.GoString(), ring.LogValue().String())

	for _, text := range texts {
		for _, leak := range []string{
			"012345", "fbffbe30", "FBFFBE30", "251 255 190", "0xfb, 0xff", "48 49 50", "+/++",
			"4227841584", "817823739",
		} { // the first word of the key schedule, in either byte order
			assert.NotContains(t, text, leak)
		}
	}
}

// FuzzParse checks that Parse does not panic and that its errors do not quote the input.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{base64.StdEncoding.EncodeToString(rawKey), "", ",", "AAAA", "=", strings.Repeat("A", 43)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, keys string) {
		ring, err := Parse(keys)
		if err == nil {
			sealed, err := ring.Seal([]byte("secret"), nil)
			require.NoError(t, err)
			require.True(t, ring.SealedWithNewest(sealed))
			return
		}
		for _, key := range strings.Split(keys, ",") {
			if key = strings.TrimSpace(key); len(key) > keySize {
				require.NotContains(t, err.Error(), key)
			}
		}
	})
}
