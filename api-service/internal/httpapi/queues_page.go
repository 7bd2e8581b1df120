package httpapi

import (
	"bytes"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"
)

// remoteFonts are the two style sheets that asynqmon's page asks a font service for: an operator's page asks nobody.
var remoteFonts = regexp.MustCompile(`<link[^>]*//fonts\.[^>]*>`)

// localPage passes on what asynqmon answers, but for HTML and failures, which it holds back: it takes the remote fonts out of the one,
// and makes refusals of ours of the others.
type localPage struct {
	http.ResponseWriter
	// api says that the request is one of asynqmon's API, where a page is what it serves for want of a route.
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

// flush writes what was held back, or returns the error to answer in its place.
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
	_, _ = p.ResponseWriter.Write(content) // the operator has closed the page
	return nil
}
