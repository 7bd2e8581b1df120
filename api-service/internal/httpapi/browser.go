package httpapi

import (
	"mime"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"
)

// neededOfBrowser returns the access that a page for browsers requires: public for a browser, and read for other callers. The answer
// depends on the header Accept, and the header Vary says so.
func neededOfBrowser(c echo.Context) access {
	c.Response().Header().Add(echo.HeaderVary, echo.HeaderAccept)
	if wantsPage(c.Request()) {
		return public
	}
	return read
}

// wantsPage reports whether a GET or HEAD accepts HTML by name and does not prefer JSON. Browsers do. Wildcards, which other clients send, do
// not count.
func wantsPage(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	accept := r.Header.Values(echo.HeaderAccept)
	html := quality(accept, echo.MIMETextHTML)
	return html > 0 && html >= quality(accept, echo.MIMEApplicationJSON)
}

// weight matches a value of the parameter q of RFC 9110, section 12.4.2.
var weight = regexp.MustCompile(`^(0(\.\d{0,3})?|1(\.0{0,3})?)$`)

// quality returns the weight that an Accept header gives to a media type by name (RFC 9110, section 12.5.1), and 0 if it does not name it.
func quality(accept []string, mediaType string) float64 {
	var highest float64
	for element := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		named, parameters, err := mime.ParseMediaType(element)
		if err != nil || named != mediaType {
			continue
		}
		q, given := parameters["q"]
		if !given {
			q = "1"
		}
		if !weight.MatchString(q) {
			continue
		}
		if value, err := strconv.ParseFloat(q, 64); err == nil {
			highest = max(highest, value)
		}
	}
	return highest
}
