// Command receiver runs the sample receiver alone, beside the composed stack.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"redrive/deploy/receiver"
	"redrive/pkg/lifecycle"
	"redrive/pkg/linger"
	"redrive/pkg/observe"
	"redrive/pkg/signing"
)

const (
	defaultAddr = "127.0.0.1:8099"
	timeout     = 5 * time.Second
)

// RECEIVER_ADDR is the address to listen on. RECEIVER_SECRETS are the signing secrets for verification, comma-separated.
func main() {
	addr := os.Getenv("RECEIVER_ADDR")
	if addr == "" {
		addr = defaultAddr
	}
	run := serve
	if len(os.Args) > 1 && os.Args[1] == "healthcheck" {
		run = healthcheck
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, addr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "receiver:", err)
		os.Exit(1)
	}
}

func serve(ctx context.Context, addr string) error {
	keys, err := signing.ParseAll(strings.FieldsFunc(os.Getenv("RECEIVER_SECRETS"), func(r rune) bool { return r == ',' }))
	if err != nil {
		return fmt.Errorf("RECEIVER_SECRETS: %w", err)
	}
	server, err := lifecycle.NewServer(addr, &http.Server{
		Handler:           linger.New(receiver.New(func(*http.Request) ([]signing.Key, error) { return keys, nil }), linger.Options{Bytes: receiver.MaxBody + linger.Beyond}),
		ReadHeaderTimeout: timeout,
	})
	if err != nil {
		return err
	}
	server.Start()
	fmt.Println("listening on", server.Addr())
	select {
	case <-ctx.Done():
	case err = <-server.Failed():
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	if stopErr := server.Stop(stopping); err == nil {
		err = stopErr
	}
	return err
}

func healthcheck(ctx context.Context, addr string) error {
	return observe.Healthcheck(ctx, addr, "/healthz")
}
