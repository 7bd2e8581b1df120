package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"redrive/pkg/webhook"
)

// ProblemError is a page that says what went wrong and what to do.
type ProblemError struct {
	Status int
	Title  string
	Advice string
}

func (p *ProblemError) Error() string { return p.Title }

func problem(status int, title, advice string) error { return &ProblemError{status, title, advice} }

// Refuse returns the error that shows a page with a title and an advice.
func Refuse(status int, title, advice string) error { return problem(status, title, advice) }

var errNotFound = problem(http.StatusNotFound, "There is no such page",
	"The address is wrong, or it belongs to an organization that this session is not for.")

// ErrNotFound shows the page for an address that does not exist.
func ErrNotFound() error { return errNotFound }

// fail answers a request that failed.
func (q *Request) fail(err error) {
	if errors.Is(err, errSignIn) {
		q.signIn()
		return
	}
	shown := q.problemOf(err)
	if shown.Status >= http.StatusInternalServerError && q.Context().Err() == nil {
		q.kit.log.LogAttrs(q.Context(), slog.LevelError, "console page failed",
			slog.String("requestId", q.requestID()), slog.String("route", q.R.Pattern), slog.Any("error", err))
	}
	if shown.Status == http.StatusServiceUnavailable {
		q.W.Header().Set("Retry-After", "5")
	}
	if err := q.Render(shown.Status, problemPage, shown.Title, problemView{shown.Status, shown.Title, shown.Advice, q.requestID()}); err != nil {
		q.kit.log.LogAttrs(q.Context(), slog.LevelError, "console page failed", slog.String("requestId", q.requestID()), slog.Any("error", err))
	}
}

type problemView struct {
	Status                   int
	Title, Advice, RequestID string
}

func (q *Request) requestID() string { return q.W.Header().Get("X-Request-Id") }

// problemOf returns the page for an error. Errors of the API keep their status and message.
func (q *Request) problemOf(err error) *ProblemError {
	var known *ProblemError
	if errors.As(err, &known) {
		return known
	}
	if failure := FailureOf(err); failure != nil {
		return &ProblemError{failure.Status, titleOf(failure.Status), Sentence(failure.Message)}
	}
	if webhook.CodeOf(err) == webhook.CodeNotFound {
		return &ProblemError{http.StatusNotFound, titleOf(http.StatusNotFound), "It does not exist in this organization, or it was purged after the retention time."}
	}
	if webhook.CodeOf(err) == webhook.CodeUnavailable || errors.Is(err, context.DeadlineExceeded) {
		return &ProblemError{http.StatusServiceUnavailable, titleOf(http.StatusServiceUnavailable), "PostgreSQL cannot be reached at the moment, or memory is short. Nothing is lost. Try again shortly."}
	}
	return &ProblemError{http.StatusInternalServerError, titleOf(http.StatusInternalServerError), "The log has the cause, under the request ID below."}
}

func titleOf(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "This is not possible"
	case http.StatusForbidden:
		return "Not permitted"
	case http.StatusNotFound:
		return "Not found"
	case http.StatusConflict:
		return "In progress"
	case http.StatusTooManyRequests:
		return "Too many requests"
	case http.StatusServiceUnavailable:
		return "Unavailable at the moment"
	}
	return "Something went wrong"
}

// signIn leads to the page for signing in, and from there back. A customer whose session has ended is led to the platform's own page, if the
// installation has one: signing in needs an API key, which the customer does not have.
func (q *Request) signIn() {
	if q.Refreshing() {
		q.W.WriteHeader(http.StatusUnauthorized) // the script stops refreshing
		return
	}
	next := q.next()
	if url := q.Site.ReturnTo(next); url != "" && q.cameByLink() {
		http.Redirect(q.W, q.R, url, http.StatusSeeOther)
		return
	}
	query := url.Values{"next": {next}}
	http.Redirect(q.W, q.R, q.Site.Path("login")+"?"+query.Encode(), http.StatusSeeOther)
}

// Sentence makes a sentence of an error's text.
func Sentence(text string) string {
	if text == "" {
		return ""
	}
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + strings.TrimSuffix(text[size:], ".") + "."
}

// next returns the page to open after signing in: the one that was asked for, or the first page of the organization after a form.
func (q *Request) next() string {
	switch {
	case q.R.Method == http.MethodGet || q.R.Method == http.MethodHead:
		if q.R.URL.RawQuery != "" {
			return q.R.URL.EscapedPath() + "?" + q.R.URL.RawQuery
		}
		return q.R.URL.EscapedPath()
	case q.Param("organization") != "":
		return Site{}.Path("o", q.Param("organization"), "overview")
	}
	return Root
}
