// Package static serves files that are in memory, such as scripts and style sheets.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// File is a file in memory.
type File struct {
	contentType string
	content     []byte
	packed      []byte // by gzip; nil if it is served uncompressed
	tag         string
}

// New returns a file that is served uncompressed.
func New(contentType string, content []byte) File { return newFile(contentType, content, nil) }

func newFile(contentType string, content, packed []byte) File {
	sum := sha256.Sum256(content)
	return File{contentType, content, packed, hex.EncodeToString(sum[:8])}
}

// Packed returns a file and compresses it.
func Packed(contentType string, content []byte) (File, error) {
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	if _, err := writer.Write(content); err != nil {
		return File{}, fmt.Errorf("compress a file: %w", err)
	}
	if err := writer.Close(); err != nil {
		return File{}, fmt.Errorf("compress a file: %w", err)
	}
	return newFile(contentType, content, packed.Bytes()), nil
}

// Unpacked returns a file of which only the compressed form is given.
func Unpacked(contentType string, packed []byte) (File, error) {
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return File{}, fmt.Errorf("decompress a file: %w", err)
	}
	content, err := io.ReadAll(reader)
	if err != nil {
		return File{}, fmt.Errorf("decompress a file: %w", err)
	}
	return newFile(contentType, content, packed), nil
}

// Tag returns a text that changes with the content.
func (f File) Tag() string { return f.tag }

// Serve answers with the file, or with 304 if the caller has the present version. The caller sets the header Cache-Control.
func (f File) Serve(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Type", f.contentType)
	content, tag := f.content, f.tag
	if f.packed != nil {
		header.Set("Vary", "Accept-Encoding")
		if takesGzip(r) {
			header.Set("Content-Encoding", "gzip")
			content, tag = f.packed, tag+"-gzip"
		}
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
