package httpapi

import (
	"mime"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"
)

// neededOfBrowser is what a page for browsers asks of this caller. The answer depends on the header Accept, and says so.
func neededOfBrowser(c echo.Context) access {
	c.Response().Header().Add(echo.HeaderVary, echo.HeaderAccept)
	if wantsPage(c.Request()) {
		return public
	}
	return read
}

// wantsPage reports whether a request for a page names HTML among what it accepts, and JSON not before it. Browsers do; the wildcards
// of other clients name nothing.
func wantsPage(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	accept := r.Header.Values(echo.HeaderAccept)
	html := quality(accept, echo.MIMETextHTML)
	return html > 0 && html >= quality(accept, echo.MIMEApplicationJSON)
}

// weight is the parameter q of RFC 9110, section 12.4.2.
var weight = regexp.MustCompile(`^(0(\.\d{0,3})?|1(\.0{0,3})?)$`)

// quality is the weight of a media type that an Accept header names itself, as RFC 9110, section 12.5.1, has it; 0 if it does not.
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
