package app

import (
	"log/slog"
	"net/http"
	"time"
)

// timeouts bound how long a slow client may take.
type timeouts struct {
	header time.Duration // until the request's header has arrived
	read   time.Duration // until the whole request has arrived
	write  time.Duration // from the end of the header to the end of the answer
	idle   time.Duration // between two requests of a connection
}

var serverTimeouts = timeouts{
	header: 5 * time.Second,
	read:   10 * time.Second, // shorter than a request may take, so that a slow body does not look like a slow database
	write:  40 * time.Second, // longer than reading and answering together
	idle:   2 * time.Minute,
}

// maxHeaderBytes bounds the header. net/http adds 4 KiB to it and answers 431 beyond.
const maxHeaderBytes = 12 << 10

func newHTTPServer(handler http.Handler, t timeouts, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: t.header,
		ReadTimeout:       t.read,
		WriteTimeout:      t.write,
		IdleTimeout:       t.idle,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // protocol errors of clients
	}
}
