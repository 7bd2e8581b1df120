package linger

import "io"

// counted is a request body that counts what is read of it.
type counted struct {
	io.ReadCloser
	read  int64
	ended bool // all of the body was read, or an error ended it
}

// Read reads and counts.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.read += int64(n)
	c.ended = c.ended || err != nil
	return n, err //nolint:wrapcheck // readers compare io.EOF
}
