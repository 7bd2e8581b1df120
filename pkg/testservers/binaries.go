package testservers

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// ErrNotInstalled means that a program is not installed. Errors of this package wrap it.
var ErrNotInstalled = errors.New("not installed")

// postgresPlaces are the directories outside PATH in which packages install PostgreSQL's server: Debian, the packages of the PostgreSQL
// project for Fedora and similar distributions, and Homebrew on Apple and Intel processors.
var postgresPlaces = []string{
	"/usr/lib/postgresql/*/bin",
	"/usr/pgsql-*/bin",
	"/opt/homebrew/opt/postgresql@*/bin",
	"/usr/local/opt/postgresql@*/bin",
}

// findPostgres returns the directory that contains both initdb and postgres: the first in PATH, otherwise the newest version installed.
func findPostgres() (string, error) {
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), newestFirst(postgresPlaces)...) {
		if filepath.IsAbs(dir) && executable(filepath.Join(dir, "postgres")) && executable(filepath.Join(dir, "initdb")) {
			return dir, nil
		}
	}
	return "", fmt.Errorf("PostgreSQL (postgres and initdb): %w", ErrNotInstalled)
}

// findRedis returns the path of redis-server, or of its fork Valkey.
func findRedis() (string, error) {
	for _, name := range []string{"redis-server", "valkey-server"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("redis-server or valkey-server: %w", ErrNotInstalled)
}

// findPgBouncer returns the path of pgbouncer. Debian installs it in a directory that only root has in PATH.
func findPgBouncer() (string, error) {
	for _, name := range []string{"pgbouncer", "/usr/sbin/pgbouncer"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("PgBouncer: %w", ErrNotInstalled)
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}

func newestFirst(patterns []string) []string {
	var found []string
	for _, pattern := range patterns {
		matches, _ := filepath.Glob(pattern) // the patterns are valid
		slices.SortFunc(matches, func(a, b string) int { return cmp.Compare(majorVersion(b), majorVersion(a)) })
		found = append(found, matches...)
	}
	return found
}

// majorVersion returns 15 for /usr/lib/postgresql/15/bin, and 9.6 for a directory of that version.
func majorVersion(dir string) float64 {
	name := filepath.Base(filepath.Dir(dir))
	digits := name[strings.LastIndexAny(name, "@-")+1:]
	version, err := strconv.ParseFloat(digits, 64)
	if err != nil {
		return 0
	}
	return version
}

// browsers are the program names of Chromium and similar browsers.
var browsers = []string{
	"chromium", "chromium-browser", "google-chrome", "google-chrome-stable",
	"/Applications/Chromium.app/Contents/MacOS/Chromium", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
}

// PostgresPrograms returns the folder of PostgreSQL's programs, such as pg_dump.
func PostgresPrograms() (dir string, err error) {
	found, err := findPostgres()
	if err != nil {
		return "", err
	}
	// The server can be a link into the folder where its other programs are.
	server, err := filepath.EvalSymlinks(filepath.Join(found, "postgres"))
	if err != nil {
		return "", fmt.Errorf("find PostgreSQL's programs: %w", err)
	}
	return filepath.Dir(server), nil
}

// FindHAProxy returns the path of haproxy.
func FindHAProxy() (string, error) {
	for _, name := range []string{"haproxy", "/usr/sbin/haproxy"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("HAProxy: %w", ErrNotInstalled)
}

// FindBrowser returns the path of a browser for tests of pages.
func FindBrowser() (string, error) {
	for _, name := range browsers {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("a browser (Chromium): %w", ErrNotInstalled)
}
