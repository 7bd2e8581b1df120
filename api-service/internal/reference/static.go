package reference

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// file is a file in memory.
type file struct {
	contentType string
	content     []byte
	packed      []byte // by gzip; nil if it is served uncompressed
	tag         string
}

func newFile(contentType string, content, packed []byte) file {
	return file{contentType, content, packed, fmt.Sprintf("%x", sha256.Sum256(content))}
}

// text returns a file and compresses it.
func text(contentType string, content []byte) (file, error) {
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	if _, err := writer.Write(content); err != nil {
		return file{}, err
	}
	if err := writer.Close(); err != nil {
		return file{}, err
	}
	return newFile(contentType+"; charset=utf-8", content, packed.Bytes()), nil
}

// unpacked returns a file of which only the compressed form is given.
func unpacked(contentType string, packed []byte) (file, error) {
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return file{}, err
	}
	content, err := io.ReadAll(reader)
	return newFile(contentType+"; charset=utf-8", content, packed), err
}

// serve answers with the file, or with 304 if the caller has the present version.
func (f file) serve(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Type", f.contentType)
	header.Set("Content-Security-Policy", policy)
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cache-Control", "no-cache") // a browser revalidates with the ETag
	header.Set("Vary", "Accept-Encoding")
	content, tag := f.content, f.tag
	if f.packed != nil && takesGzip(r) {
		header.Set("Content-Encoding", "gzip")
		content, tag = f.packed, tag+"-gzip"
	}
	header.Set("ETag", `"`+tag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// takesGzip reports whether Accept-Encoding names gzip without a weight, as browsers do.
func takesGzip(r *http.Request) bool {
	for coding := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		if strings.TrimSpace(coding) == "gzip" {
			return true
		}
	}
	return false
}
