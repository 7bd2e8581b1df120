package testservers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// requirement is a program that the tests need.
type requirement struct {
	name string
	// debian are the names of the Debian packages that contain it.
	debian []string
	// missing returns an error if the program is not installed.
	missing func(context.Context) error
}

// required returns the programs that the tests need: a browser, Prometheus, a C compiler for the race detector, and the servers that no
// environment variable names.
func required() []requirement {
	var needed []requirement
	if os.Getenv(databaseURLVariable) == "" {
		needed = append(needed, requirement{"PostgreSQL", []string{"postgresql"}, func(context.Context) error {
			_, err := findPostgres()
			return err
		}})
	}
	if os.Getenv(redisURLVariable) == "" {
		needed = append(needed, requirement{"Redis or Valkey", []string{"redis-server"}, func(context.Context) error {
			_, err := findRedis()
			return err
		}})
	}
	needed = append(needed, requirement{"PgBouncer", []string{"pgbouncer"}, func(context.Context) error {
		_, err := findPgBouncer()
		return err
	}})
	needed = append(needed, requirement{"HAProxy", []string{"haproxy"}, func(context.Context) error {
		_, err := FindHAProxy()
		return err
	}})
	needed = append(needed, requirement{"Chromium", []string{"chromium"}, func(context.Context) error {
		_, err := FindBrowser()
		return err
	}})
	needed = append(needed, requirement{"Prometheus with promtool", []string{"prometheus"}, func(context.Context) error {
		_, missing := findPrometheus()
		_, missingTool := FindPromtool()
		return errors.Join(missing, missingTool)
	}})
	if runtime.GOOS == "linux" { // the race detector needs no compiler on other systems
		needed = append(needed, requirement{"a C compiler with the headers of libc", []string{"gcc", "libc6-dev"}, tryCompiler})
	}
	return needed
}

func missing(ctx context.Context) []requirement {
	var lacking []requirement
	for _, r := range required() {
		if r.missing(ctx) != nil {
			lacking = append(lacking, r)
		}
	}
	return lacking
}

// tryCompiler compiles a program with the compiler that the go command uses for cgo: gcc, or CC. It compiles, because a compiler in PATH
// may lack the headers.
func tryCompiler(ctx context.Context) error {
	compiler := strings.Fields(os.Getenv("CC"))
	if len(compiler) == 0 {
		compiler = []string{"gcc"}
	}
	dir, err := os.MkdirTemp("", directoryPrefix+"cc-")
	if err != nil {
		return fmt.Errorf("making a directory: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	cmd := exec.CommandContext(ctx, compiler[0], append(compiler[1:], "-x", "c", "-o", "a.out", "-", "-lpthread")...)
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader("#include <stdlib.h>\n#include <pthread.h>\nint main(void) { return EXIT_SUCCESS; }\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("compiling a C program: %w\n%s", err, out)
	}
	return nil
}

// Hint returns instructions for installing the programs.
func Hint() string {
	return `Install the missing programs:
  Debian, Ubuntu:  sudo apt-get install postgresql redis-server pgbouncer chromium prometheus gcc libc6-dev
  Fedora:          sudo dnf install postgresql-server valkey pgbouncer chromium golang-github-prometheus gcc glibc-devel
  Homebrew:        brew install postgresql@17 redis pgbouncer prometheus && brew install --cask chromium
Or let the tests use servers that are running: set ` + databaseURLVariable + ` to a postgres:// URL
whose user may create databases, and ` + redisURLVariable + ` to the redis:// URL of a server whose databases 1 to 15
may be emptied.`
}
