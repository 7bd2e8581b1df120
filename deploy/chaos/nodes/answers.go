package nodes

import (
	"net/http"
	"sync"
	"time"
)

// answer is how one exchange with the API ended.
type answer struct {
	began, ended time.Time
	status       int // 0: the exchange broke off
	retryAfter   bool
}

// refused reports whether the API answered 503 with Retry-After.
func (a answer) refused() bool { return a.status == http.StatusServiceUnavailable && a.retryAfter }

// answers is a transport that keeps how each exchange ended. It is safe for concurrent use.
type answers struct {
	next http.RoundTripper

	mutex sync.Mutex
	all   []answer
}

// RoundTrip sends the request through the next transport and records how it ended.
func (t *answers) RoundTrip(request *http.Request) (*http.Response, error) {
	a := answer{began: time.Now()}
	response, err := t.next.RoundTrip(request)
	a.ended = time.Now()
	if err == nil {
		a.status, a.retryAfter = response.StatusCode, response.Header.Get("Retry-After") != ""
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.all = append(t.all, a)
	return response, err
}

// CloseIdleConnections closes those of the transport below.
func (t *answers) CloseIdleConnections() {
	if closer, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}

// errors are the exchanges that began after a time and ended in an error of the server or in none: those that
// the API answered 503 with Retry-After, the others, and when the last of them began.
func (t *answers) errors(after time.Time) (refused, others int, last time.Time) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	for _, a := range t.all {
		switch {
		case a.began.Before(after) || a.status != 0 && a.status < http.StatusInternalServerError:
			continue
		case a.refused():
			refused++
		default:
			others++
		}
		if a.began.After(last) {
			last = a.began
		}
	}
	return refused, others, last
}

// success is how long after a time the first exchange ended that began after it and was answered 200.
func (t *answers) success(after time.Time) time.Duration {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	for _, a := range t.all {
		if a.began.After(after) && a.status == http.StatusOK {
			return a.ended.Sub(after)
		}
	}
	return time.Since(after)
}
