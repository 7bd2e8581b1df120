package clients

import (
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/deploy/stack"
)

// patience is a safety limit. No verdict depends on it.
const patience = time.Minute

func TestMain(m *testing.M) { goleak.VerifyTestMain(stack.Suite(m)) }

// A generator with default settings makes a client of the document, and every operation works with it. A client of the stored document works
// with the present service, and with a service whose answers have additions.
func TestGeneratedClientDrivesTheService(t *testing.T) {
	redrive := stack.Processes(t, stack.Options{})
	now, later := redrive.URL(), additions(t, redrive.URL())
	stored, err := os.ReadFile("testdata/openapi.json")
	require.NoError(t, err)
	for _, client := range []struct {
		of       string
		document []byte
		against  map[string]string
	}{
		{"the served document", served(t, now), map[string]string{"the service": now}},
		{"the stored document", stored, map[string]string{"the service": now, "a later service": later}},
	} {
		for _, g := range generators {
			t.Run(g.folder+" of "+client.of, func(t *testing.T) {
				program := g.build(t, client.document)
				for name, url := range client.against {
					t.Run("against "+name, func(t *testing.T) { drive(t, program, url, redrive.NewKey(t, organization(t), stack.ReadWrite)) })
				}
			})
		}
	}
}

// organization returns a new organization. Its name is in no example of the document.
func organization(t *testing.T) string {
	return "org-" + strconv.FormatUint(uint64(crc32.ChecksumIEEE([]byte(t.Name()))), 16)
}

func served(t *testing.T, url string) []byte {
	t.Helper()
	response, err := http.Get(url + "/openapi.json")
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode)
	http.DefaultClient.CloseIdleConnections()
	return text
}

// failingOnce starts a receiver that answers the first webhook with an error and all others with 200. It returns the URL.
func failingOnce(t *testing.T) string {
	t.Helper()
	var failed atomic.Bool
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if failed.CompareAndSwap(false, true) {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(receiver.Close)
	return receiver.URL
}
