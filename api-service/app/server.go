package app

import (
	"log/slog"
	"net/http"
	"time"
)

// timeouts are what a slow client runs into.
type timeouts struct {
	header time.Duration // for the request's header to arrive
	read   time.Duration // for all of the request
	write  time.Duration // from the end of the header to the end of the answer
	idle   time.Duration // between two requests of a connection
}

var patience = timeouts{
	header: 5 * time.Second,
	read:   10 * time.Second, // shorter than a request may take, so that a slow body is not taken for a slow database
	write:  40 * time.Second, // longer than reading and answering together
	idle:   2 * time.Minute,
}

// maxHeaderBytes is what a greedy client runs into: net/http adds 4 KiB of its own, and answers 431 beyond.
const maxHeaderBytes = 12 << 10

func newHTTPServer(handler http.Handler, t timeouts, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: t.header,
		ReadTimeout:       t.read,
		WriteTimeout:      t.write,
		IdleTimeout:       t.idle,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // what clients do wrong below HTTP
	}
}
