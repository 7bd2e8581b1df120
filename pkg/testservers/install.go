package testservers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// Install installs the programs that the tests need: PostgreSQL, Redis, PgBouncer, a browser, Prometheus, and a C compiler for the race
// detector. It does nothing if none is missing. As root on Debian, or on a distribution based on it, it installs the missing packages,
// keeps them from starting servers, and writes its progress to w. Otherwise it returns an error that wraps [ErrNotInstalled], and says what
// is missing and how to install it.
//
// A server that TEST_DATABASE_URL or TEST_REDIS_URL names need not be installed.
func Install(ctx context.Context, w io.Writer) error {
	lacking := missing(ctx)
	if len(lacking) == 0 {
		return nil
	}
	if os.Geteuid() != 0 || !haveApt() {
		return notInstalled(lacking)
	}
	unlock, err := lockInstallation(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if lacking = missing(ctx); len(lacking) == 0 { // another process has installed them meanwhile
		return nil
	}
	var packages []string
	for _, r := range lacking {
		packages = append(packages, r.debian...)
	}
	if err := aptInstall(ctx, w, packages); err != nil {
		return errors.Join(fmt.Errorf("installing %s: %w", names(lacking), err), notInstalled(lacking))
	}
	if lacking = missing(ctx); len(lacking) > 0 {
		return fmt.Errorf("after installing the packages: %w", notInstalled(lacking))
	}
	return nil
}

func notInstalled(lacking []requirement) error {
	return fmt.Errorf("%s: %w\n%s", names(lacking), ErrNotInstalled, Hint())
}

func names(lacking []requirement) string {
	list := make([]string, len(lacking))
	for i, r := range lacking {
		list[i] = r.name
	}
	return strings.Join(list, ", ")
}

func haveApt() bool {
	_, err := exec.LookPath("apt-get")
	return err == nil
}
