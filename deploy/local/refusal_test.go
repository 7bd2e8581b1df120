package local_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/linger/lingertest"
)

// A client that writes its whole body before it reads gets the answer from every port.
func TestAnswerReachesClientThatWritesFirst(t *testing.T) {
	const mebibyte = 1 << 20
	l := start(t, options(t.TempDir()))
	addresses := l.Addresses()
	for _, test := range []struct {
		address, path string
		size, status  int
	}{
		{addresses.API, "/no/such/route", 6 * mebibyte, http.StatusUnauthorized},
		{addresses.Ops, "/metrics", mebibyte, http.StatusMethodNotAllowed},
		{addresses.Breakers, "/metrics", mebibyte, http.StatusMethodNotAllowed},
		{addresses.Breakers, "/no/such/route", mebibyte, http.StatusNotFound},
		{addresses.Receiver, "/no/such/route", 3 * mebibyte, http.StatusNotFound},
		{addresses.Receiver, "/ok", 3 * mebibyte, http.StatusBadRequest},
	} {
		at, err := url.Parse(test.address)
		require.NoError(t, err)
		head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n", test.path, at.Host, test.size)
		response, err := lingertest.Send(lingertest.Dial(t, at.Host), head, test.size, false)
		require.NoError(t, err, "%+v", test)
		assert.Equal(t, test.status, response.StatusCode, "%+v", test)
		_ = response.Body.Close()
	}
}
