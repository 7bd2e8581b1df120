package explain

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// texts writes the causes of an explanation. A message says what is the case, with endpoint, time and cause. What happens next says what
// the customer and the operator have to do. Both are for a mail to the customer.
type texts struct{ Facts }

// clock formats a time in whole seconds. An attempt that is due within a second is due at the next second.
func clock(t time.Time) string {
	return t.UTC().Truncate(time.Second).Format("2006-01-02 15:04:05 UTC")
}

// target names the endpoint.
func (t texts) target() string {
	id := t.Record.Delivery.EndpointID
	if t.Endpoint == nil {
		return "endpoint " + id
	}
	return fmt.Sprintf("endpoint %q (%s)", t.Endpoint.Name, id)
}

// lastError returns the error of the last attempt, or "".
func (t texts) lastError() string {
	last := t.Record.LastAttempt
	if last == nil || last.ErrorMessage == "" {
		return ""
	}
	return strings.TrimRight(last.ErrorMessage, ".")
}

func attempts(n int) string {
	if n == 1 {
		return "1 attempt"
	}
	return fmt.Sprintf("%d attempts", n)
}

func answer(status int) string {
	return strings.TrimSpace(fmt.Sprint(status, " ", http.StatusText(status)))
}

func (t texts) cause(code Code, since, until time.Time, next, format string, args ...any) Cause {
	return Cause{Code: code, Since: since, Until: until, next: next, Message: fmt.Sprintf(format, args...)}
}

// isDue begins a message about a delivery that waits.
func (t texts) isDue() string {
	if !t.due() {
		return fmt.Sprintf("The delivery to %s is due at %s", t.target(), clock(t.dueAt()))
	}
	return fmt.Sprintf("The delivery to %s has been due since %s", t.target(), clock(t.dueAt()))
}

// nothingToDo ends the texts of causes that end by themselves.
const nothingToDo = "the customer does not have to do anything"
