package endpoints

import (
	"fmt"
	"strings"

	"redrive/pkg/webhook"
)

// parseHeaders parses headers, one "name: value" on each line. Empty lines are skipped. The details name the lines that are wrong, and never
// quote a value. The API checks names and values.
func parseHeaders(text string) (headers map[string]string, wrong []webhook.Detail) {
	headers = map[string]string{}
	for i, line := range strings.Split(text, "\n") {
		if strings.TrimSpace(line) == "" {
			continue
		}
		refuse := func(problem string) {
			wrong = append(wrong, webhook.Detail{Reason: "invalid_header", Field: "headers", Message: fmt.Sprintf("line %d %s", i+1, problem)})
		}
		name, value, found := strings.Cut(line, ":")
		name = strings.TrimSpace(name)
		_, twice := headers[name]
		switch {
		case !found:
			refuse("has no colon; write the name, a colon and the value, such as X-Token: abc")
		case name == "":
			refuse("has no name before the colon")
		case twice:
			refuse("has a name that a line above has too; keep one of them")
		default:
			headers[name] = strings.TrimSpace(value)
		}
	}
	return headers, wrong
}
