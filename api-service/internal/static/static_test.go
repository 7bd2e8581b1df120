package static_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/internal/static"
)

func get(f static.File, header, value string) *httptest.ResponseRecorder {
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set(header, value)
	f.Serve(w, r)
	return w
}

func TestServePackedToClientsThatTakeGzip(t *testing.T) {
	f, err := static.Packed("text/css", []byte("p { margin: 0 }"))
	require.NoError(t, err)

	packed := get(f, "Accept-Encoding", "br, gzip")
	assert.Equal(t, "gzip", packed.Header().Get("Content-Encoding"))
	assert.Equal(t, "Accept-Encoding", packed.Header().Get("Vary"))
	reader, err := gzip.NewReader(packed.Body)
	require.NoError(t, err)
	content, err := io.ReadAll(reader)
	require.NoError(t, err)
	assert.Equal(t, "p { margin: 0 }", string(content))

	plain := get(f, "Accept-Encoding", "gzip;q=0")
	assert.Equal(t, "p { margin: 0 }", plain.Body.String())
	assert.NotEqual(t, packed.Header().Get("ETag"), plain.Header().Get("ETag"))
}

func TestServePresentVersionIsNotModified(t *testing.T) {
	f := static.New("text/css", []byte("p { margin: 0 }"))
	first := get(f, "Accept-Encoding", "gzip")
	assert.Equal(t, "text/css", first.Header().Get("Content-Type"))
	assert.Equal(t, http.StatusNotModified, get(f, "If-None-Match", first.Header().Get("ETag")).Code)
	assert.NotEqual(t, f.Tag(), static.New("text/css", []byte("p { margin: 1 }")).Tag())
}

func TestUnpackedOfDamagedFileIsAnError(t *testing.T) {
	_, err := static.Unpacked("text/css", []byte("not gzip"))
	assert.Error(t, err)
}
