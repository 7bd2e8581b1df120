package testservers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// packageDatabase is the directory that installations lock. Locking the directory itself leaves no lock file behind, and dpkg does not use
// that lock.
const packageDatabase = "/var/lib/dpkg"

// lockInstallation waits until no other process is in Install. Otherwise the first process to finish would remove the files that keep the
// packages of the others from starting servers.
func lockInstallation(ctx context.Context) (unlock func(), err error) {
	dir, err := os.Open(packageDatabase)
	if err != nil {
		return nil, fmt.Errorf("opening the package database: %w", err)
	}
	for {
		err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = dir.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return nil, errors.Join(fmt.Errorf("locking the package database: %w", err), dir.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("waiting for another installation: %w", ctx.Err()), dir.Close())
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// InstallPackages installs Debian packages and writes its progress to w. The packages start no servers. It returns an error unless it runs
// as root on Debian or a distribution based on it.
func InstallPackages(ctx context.Context, w io.Writer, packages ...string) error {
	if os.Geteuid() != 0 || !haveApt() {
		return fmt.Errorf("installing %s takes root and apt-get: %w", strings.Join(packages, ", "), ErrNotInstalled)
	}
	unlock, err := lockInstallation(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return aptInstall(ctx, w, packages)
}

func aptInstall(ctx context.Context, w io.Writer, packages []string) (err error) {
	restore, err := quietPackages()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, restore()) }()

	// A package source that fails makes the update fail, but the other sources may have all the packages.
	if err := apt(ctx, w, "update"); err != nil {
		if ctx.Err() != nil {
			return err
		}
		fmt.Fprintf(w, "%v; trying to install all the same\n", err)
	}
	args := []string{
		"install", "-y", "--no-install-recommends",
		// Configuration files that were changed are kept, without a question.
		"-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold",
	}
	return apt(ctx, w, append(args, packages...)...)
}

func apt(ctx context.Context, w io.Writer, args ...string) error {
	// Another apt-get may be running, for example after the boot of a cloud machine.
	cmd := exec.CommandContext(ctx, "apt-get", append([]string{"-q", "-o", "DPkg::Lock::Timeout=120"}, args...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "UCF_FORCE_CONFFOLD=1")
	cmd.Stdout, cmd.Stderr = w, w
	// An interrupted dpkg would leave packages half installed, so the process gets SIGTERM first.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = time.Minute
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("apt-get %s: %w", args[0], err)
	}
	return nil
}
