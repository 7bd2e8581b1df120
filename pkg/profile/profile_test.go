package profile_test

import (
	"net/http"
	"net/http/httptest"
	"runtime/pprof"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/profile"
)

// stepOf returns the labels of the goroutines that wait in this test.
func stepOf(t *testing.T, function string) string {
	t.Helper()
	var text strings.Builder
	require.NoError(t, pprof.Lookup("goroutine").WriteTo(&text, 1))
	for _, group := range strings.Split(text.String(), "\n\n") {
		if strings.Contains(group, function) {
			return group
		}
	}
	return ""
}

//go:noinline
func waitForTestOfSteps(begun, end chan struct{}) {
	begun <- struct{}{}
	<-end
}

func TestStepIsInheritedByStartedGoroutines(t *testing.T) {
	begun, end, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		profile.Load.Begin()
		inner := make(chan struct{})
		go func() {
			defer close(inner)
			waitForTestOfSteps(begun, end)
		}()
		<-inner
	}()
	<-begun
	assert.Contains(t, stepOf(t, "waitForTestOfSteps"), `"step":"load"`)
	close(end)
	<-done
}

func TestStepsHaveDifferentNames(t *testing.T) {
	names := map[string]bool{}
	for _, step := range profile.Steps() {
		names[step.String()] = true
	}
	assert.Len(t, names, 9)
}

func TestStepBeginAllocatesNothing(t *testing.T) {
	assert.Zero(t, testing.AllocsPerRun(100, profile.Sign.Begin))
}

func TestHandlerServesProfilesOnlyIfEnabled(t *testing.T) {
	next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	for enabled, status := range map[bool]int{true: http.StatusOK, false: http.StatusTeapot} {
		handler := profile.Handler(next, enabled)
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/debug/pprof/goroutine?debug=1", nil))
		assert.Equal(t, status, answer.Code)

		answer = httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		assert.Equal(t, http.StatusTeapot, answer.Code)
	}
}
