package testservers

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// quietPackages keeps the packages of PostgreSQL and Redis from starting servers on their usual ports during installation. It writes files
// and returns a function that removes them. It neither replaces nor removes existing files.
func quietPackages() (restore func() error, err error) {
	var placed []string
	restore = func() error {
		var errs []error
		for _, path := range placed {
			errs = append(errs, os.Remove(path))
		}
		return errors.Join(errs...)
	}
	for _, file := range []struct {
		path    string
		content string
		mode    fs.FileMode
	}{
		// Debian's packages run this program before they start a service. Status 101 forbids the start.
		{"/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0o755},
		// The package of PostgreSQL need not create a data directory either, because the next boot would start a server on it. The setting
		// is in a separate file, because createcluster.conf belongs to the package.
		{"/etc/postgresql-common/createcluster.d/redrive-tests.conf", "create_main_cluster = false\n", 0o644},
	} {
		written, err := writeNew(file.path, file.content, file.mode)
		if written {
			placed = append(placed, file.path)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("keeping packages from starting servers: %w", err), restore())
		}
	}
	return restore, nil
}

// writeNew writes a file unless it exists, and reports whether it has written the file.
func writeNew(path, content string, mode fs.FileMode) (written bool, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return false, err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	_, err = file.WriteString(content)
	// Chmod is needed because the umask applies to new files.
	return true, errors.Join(err, file.Chmod(mode), file.Close())
}
