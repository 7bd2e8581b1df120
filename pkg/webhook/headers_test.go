package webhook_test

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/webhook"
)

func TestCheckHeadersValidAccepted(t *testing.T) {
	twenty := map[string]webhook.Secret{}
	for i := range 20 {
		twenty[fmt.Sprint("X-", i)] = "v"
	}
	for name, headers := range map[string]map[string]webhook.Secret{
		"none":            nil,
		"authorization":   {"Authorization": "Bearer a.b-c_d~e+f/=="},
		"several":         {"X-Api-Key": "k", "X-Team": "a b", "Accept": "*/*", "Cookie": "a=b; c=\"d\""},
		"odd but a token": {"!#$%&'*+-.^_`|~9a": "v"},
		"longest name":    {strings.Repeat("n", 128): "v"},
		"longest value":   {"X": webhook.Secret(strings.Repeat("v", 4096))},
		"most":            twenty,
		"like a reserved": {"X-Host": "v", "Hosts": "v", "X-Webhook-Id": "v", "Contents": "v", "Proxied": "v"},
	} {
		assert.NoError(t, webhook.CheckHeaders(headers), name)
	}
}

func TestCheckHeadersInvalidRefused(t *testing.T) {
	tooMany := map[string]webhook.Secret{}
	for i := range 21 {
		tooMany[fmt.Sprint("X-", i)] = "v"
	}
	const inName = "headers" // of a name that could do harm where it is shown, nothing is
	for name, c := range map[string]struct {
		headers       map[string]webhook.Secret
		field, reason string
	}{
		"too many":             {tooMany, "headers", "too_many"},
		"no name":              {map[string]webhook.Secret{"": "v"}, inName, "invalid_header"},
		"space in the name":    {map[string]webhook.Secret{"X Y": "v"}, inName, "invalid_header"},
		"colon in the name":    {map[string]webhook.Secret{"X: Y": "v"}, inName, "invalid_header"},
		"pseudo-header":        {map[string]webhook.Secret{":authority": "v"}, inName, "invalid_header"},
		"Go's trailer prefix":  {map[string]webhook.Secret{"Trailer:X": "v"}, inName, "invalid_header"},
		"line break in name":   {map[string]webhook.Secret{"X\r\nHost": "v"}, inName, "invalid_header"},
		"NUL in the name":      {map[string]webhook.Secret{"X\x00": "v"}, inName, "invalid_header"},
		"letter of no ASCII":   {map[string]webhook.Secret{"X-É": "v"}, inName, "invalid_header"},
		"Kelvin sign":          {map[string]webhook.Secret{"\u212aeep-Alive": "v"}, inName, "invalid_header"},
		"not UTF-8":            {map[string]webhook.Secret{"X\xff": "v"}, inName, "invalid_header"},
		"name too long":        {map[string]webhook.Secret{strings.Repeat("n", 129): "v"}, inName, "too_long"},
		"empty value":          {map[string]webhook.Secret{"X": ""}, "headers.X", "required"},
		"blank value":          {map[string]webhook.Secret{"X": " "}, "headers.X", "invalid_header"},
		"space before":         {map[string]webhook.Secret{"X": " v"}, "headers.X", "invalid_header"},
		"space behind":         {map[string]webhook.Secret{"X": "v "}, "headers.X", "invalid_header"},
		"line break in value":  {map[string]webhook.Secret{"X": "v\r\nHost: a"}, "headers.X", "invalid_header"},
		"line feed in value":   {map[string]webhook.Secret{"X": "v\nHost: a"}, "headers.X", "invalid_header"},
		"NUL in the value":     {map[string]webhook.Secret{"X": "v\x00"}, "headers.X", "invalid_header"},
		"tab in the value":     {map[string]webhook.Secret{"X": "a\tb"}, "headers.X", "invalid_header"},
		"escape in the value":  {map[string]webhook.Secret{"X": "\x1b[31m"}, "headers.X", "invalid_header"},
		"delete in the value":  {map[string]webhook.Secret{"X": "\x7f"}, "headers.X", "invalid_header"},
		"value of no ASCII":    {map[string]webhook.Secret{"X": "é"}, "headers.X", "invalid_header"},
		"value not UTF-8":      {map[string]webhook.Secret{"X": "\xff"}, "headers.X", "invalid_header"},
		"value too long":       {map[string]webhook.Secret{"X": webhook.Secret(strings.Repeat("v", 4097))}, "headers.X", "too_long"},
		"too much in all":      {map[string]webhook.Secret{"X": webhook.Secret(strings.Repeat("v", 4000)), "Y": webhook.Secret(strings.Repeat("v", 4000))}, "headers", "too_long"},
		"twins by case":        {map[string]webhook.Secret{"X-Key": "a", "x-key": "b"}, "headers.x-key", "duplicate_header"},
		"twins by underscore":  {map[string]webhook.Secret{"X-Key": "a", "x_key": "b"}, "headers.x_key", "duplicate_header"},
		"twins by a full stop": {map[string]webhook.Secret{"X-Key": "a", "x.key": "b"}, "headers.x.key", "duplicate_header"},
	} {
		err := webhook.CheckHeaders(c.headers)
		assert.Equal(t, map[string]string{c.field: c.reason}, reasons(t, err), name)
		assert.NotRegexp(t, `[^ -~]`, err.Error(), name)
	}
}

func TestCheckHeadersReservedRefused(t *testing.T) {
	for _, name := range []string{
		"Host", "Connection", "Keep-Alive", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Proxy-Authorization", "Proxy-Connection", "Proxy-Anything",
		"Content-Length", "Content-Type", "Content-Encoding", "Content-MD5", "User-Agent", "Expect", "Accept-Encoding", "Idempotency-Key",
		"X-Idempotency-Key", "traceparent", "tracestate", "webhook-id", "webhook-timestamp", "webhook-signature", "Webhook-Anything",
	} {
		for _, spelling := range []string{name, strings.ToLower(name), strings.ToUpper(name), http.CanonicalHeaderKey(name), strings.ReplaceAll(name, "-", "_")} {
			err := webhook.CheckHeaders(map[string]webhook.Secret{spelling: "v"})
			require.Error(t, err, spelling)
			assert.Equal(t, map[string]string{"headers": "header_not_allowed"}, reasons(t, err), spelling)
			assert.ErrorContains(t, err, spelling)
		}
	}
}

func TestCheckHeadersRefusedValueNotQuoted(t *testing.T) {
	err := webhook.CheckHeaders(map[string]webhook.Secret{"X-A": "canary\n", "X-B": "canary\x00", "Host": "canary", "x-a": "canary"})
	assert.NotContains(t, fmt.Sprintf("%+v %v", reasons(t, err), err), "canary")
}

// FuzzCheckHeaders checks that accepted headers add lines to a request and change nothing else, for every parser.
func FuzzCheckHeaders(f *testing.F) {
	for _, seed := range [][4]string{
		{"Authorization", "Bearer x", "X-Team", "a b"},
		{"X", "v\r\nHost: evil", "Y", "v"},
		{"X\r\nHost", "v", "Y", "v"},
		{"Transfer-Encoding", "chunked", "Content_Length", "0"},
		{"webhook_id", "x", "Idempotency-Key", "k"},
		{"X-Key", "a", "x-key", "b"},
		{"", "", "\x00", "\x7f"},
		{"\u212aeep-Alive", "v", "Ho\u017ft", "v"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3])
	}
	f.Fuzz(func(t *testing.T, firstName, firstValue, secondName, secondValue string) {
		headers := map[string]webhook.Secret{firstName: webhook.Secret(firstValue), secondName: webhook.Secret(secondValue)}
		if err := webhook.CheckHeaders(headers); err != nil {
			require.Equal(t, webhook.CodeInvalid, webhook.CodeOf(err))
			return
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://receiver.test/", strings.NewReader("body"))
		require.NoError(t, err)
		for name, value := range headers {
			request.Header.Set(name, value.Reveal())
		}
		var wire strings.Builder
		require.NoError(t, request.Write(&wire))
		received, err := readRequest(wire.String())
		require.NoError(t, err)
		require.Equal(t, "receiver.test", received.Host)
		require.EqualValues(t, 4, received.ContentLength)
		require.Empty(t, received.TransferEncoding)
		require.Len(t, received.Header, len(headers)+2, "beside Content-Length and User-Agent")
		for name, value := range headers {
			require.Equal(t, []string{value.Reveal()}, received.Header.Values(name))
		}
	})
}

func readRequest(wire string) (*http.Request, error) {
	return http.ReadRequest(bufio.NewReader(strings.NewReader(wire)))
}
