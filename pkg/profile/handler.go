package profile

import (
	"net/http"
	"net/http/pprof"
)

// Path is the path of the profiles.
const Path = "/debug/pprof/"

// Handler adds the profiles of the process below Path to a handler, if enabled. A profile slows the process down a little while it is taken.
func Handler(next http.Handler, enabled bool) http.Handler {
	if !enabled {
		return next
	}
	mux := http.NewServeMux()
	mux.Handle("/", next)
	mux.HandleFunc("GET "+Path, pprof.Index)
	mux.HandleFunc("GET "+Path+"profile", pprof.Profile)
	mux.HandleFunc("GET "+Path+"trace", pprof.Trace)
	return mux
}
