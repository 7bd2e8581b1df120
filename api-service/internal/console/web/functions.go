package web

import (
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"redrive/pkg/webhook"
)

// functions are the functions of the templates.
var functions = template.FuncMap{
	"time":     stamp,
	"count":    Count,
	"duration": milliseconds,
	"short":    short,
	"state":    stateOf,
	"join":     strings.Join,
	"query":    query,
	"dict":     dict,
	"status":   StatusText,
	"code":     Site{}.codePath, // bound to the site before a page is shown
	"lines":    func(text string) []string { return strings.Split(text, "\n") },
}

// Stamp is a time as pages show it.
type Stamp struct{ ISO, UTC string }

// stamp returns how a time is shown: in UTC, with the exact value for the script. A zero time is shown as nothing.
func stamp(at any) Stamp {
	var t time.Time
	switch at := at.(type) {
	case time.Time:
		t = at
	case webhook.Timestamp:
		t = time.Time(at)
	}
	if t.IsZero() {
		return Stamp{}
	}
	t = t.UTC()
	return Stamp{t.Format(time.RFC3339Nano), t.Format("2006-01-02 15:04:05") + " UTC"}
}

// Count writes a number with separators between its thousands.
func Count(n any) string {
	if pointer, ok := n.(*int64); ok && pointer != nil {
		n = *pointer
	}
	text := fmt.Sprint(n)
	sign := ""
	if strings.HasPrefix(text, "-") {
		sign, text = "-", text[1:]
	}
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return sign + text
}

// milliseconds writes a duration in milliseconds with a unit that fits.
func milliseconds(n any) string {
	var ms int64
	switch n := n.(type) {
	case int64:
		ms = n
	case *int64:
		if n == nil {
			return "–"
		}
		ms = *n
	}
	if ms < 1000 {
		return strconv.FormatInt(ms, 10) + " ms"
	}
	return strconv.FormatFloat(float64(ms)/1000, 'f', 2, 64) + " s"
}

// short shortens an ID to its kind and its last characters.
func short(id string) string {
	prefix, rest, found := strings.Cut(id, "_")
	const shown = 6
	if !found || len(rest) <= shown+1 {
		return id
	}
	return prefix + "_…" + rest[len(rest)-shown:]
}

// query returns a query of pairs of names and values, without the pairs that have no value. It is escaped already.
func query(pairs ...string) template.URL {
	values := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			values.Set(pairs[i], pairs[i+1])
		}
	}
	return template.URL(values.Encode()) //nolint:gosec // Encode escapes everything
}

// dict returns a map of pairs of names and values, for a part of a template.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("dict takes pairs, and got %d values", len(pairs))
	}
	made := make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict takes names, and got %T", pairs[i])
		}
		made[name] = pairs[i+1]
	}
	return made, nil
}

// StatusText writes an HTTP status with its name.
func StatusText(status int) string {
	if text := http.StatusText(status); text != "" {
		return strconv.Itoa(status) + " " + text
	}
	return strconv.Itoa(status)
}
