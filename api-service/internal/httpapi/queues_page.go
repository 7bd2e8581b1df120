package httpapi

import (
	"bytes"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"
)

// remoteFonts matches the two style sheets that asynqmon's page loads from a font service. The page must not load from other hosts.
var remoteFonts = regexp.MustCompile(`<link[^>]*//fonts\.[^>]*>`)

// localPage writes asynqmon's answer. It buffers HTML, to remove the remote fonts, and internal errors, to replace them.
type localPage struct {
	http.ResponseWriter
	// api is true for a request of asynqmon's API, which serves a page for a route that does not exist.
	api    bool
	status int
	held   *bytes.Buffer
}

func (p *localPage) WriteHeader(status int) {
	p.status = status
	if status >= http.StatusInternalServerError || p.isHTML() {
		p.held = &bytes.Buffer{}
		return
	}
	p.ResponseWriter.WriteHeader(status)
}

func (p *localPage) isHTML() bool {
	return strings.HasPrefix(p.Header().Get(echo.HeaderContentType), echo.MIMETextHTML)
}

func (p *localPage) Write(content []byte) (int, error) {
	if p.status == 0 {
		if p.Header().Get(echo.HeaderContentType) == "" {
			p.Header().Set(echo.HeaderContentType, http.DetectContentType(content))
		}
		p.WriteHeader(http.StatusOK)
	}
	if p.held != nil {
		return p.held.Write(content)
	}
	return p.ResponseWriter.Write(content)
}

// flush writes a buffered page, or returns the error that replaces it.
func (p *localPage) flush() error {
	switch {
	case p.held == nil:
		return nil
	case p.status >= http.StatusInternalServerError:
		return queuesFailure(strings.TrimSpace(p.held.String()))
	case p.api && p.isHTML():
		return errNoQueuesRoute
	}
	content := remoteFonts.ReplaceAll(p.held.Bytes(), nil)
	p.Header().Set(echo.HeaderContentLength, strconv.Itoa(len(content)))
	p.ResponseWriter.WriteHeader(p.status)
	_, _ = p.ResponseWriter.Write(content) // an error means that the connection is gone
	return nil
}
