package testservers

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// account is the user that a server runs as if this process is root.
type account struct {
	name     string
	uid, gid uint32
}

// unprivileged returns the account that PostgreSQL runs as, because PostgreSQL refuses to run as root. It returns nil if this process is
// not root.
func unprivileged() (*account, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		entry, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseInt(entry.Uid, 10, 64)
		if err != nil || uid == 0 {
			continue
		}
		gid, err := strconv.ParseInt(entry.Gid, 10, 64)
		if err != nil {
			continue
		}
		// The conversion is by int64, because the ID of nobody is -2 on macOS.
		return &account{name: name, uid: uint32(uid), gid: uint32(gid)}, nil
	}
	return nil, errors.New("PostgreSQL refuses to run as root and there is neither a user postgres nor nobody to run it as")
}

func (a *account) credential() *syscall.Credential {
	if a == nil {
		return nil
	}
	return &syscall.Credential{Uid: a.uid, Gid: a.gid}
}

// temporaryParent returns the directory for temporary files. If the account cannot reach it, for example because TMPDIR is in root's home,
// it returns the first usual directory that the account can reach.
func temporaryParent(as *account) (string, error) {
	candidates := []string{os.TempDir(), "/tmp", "/var/tmp"}
	if as == nil {
		return candidates[0], nil
	}
	i := slices.IndexFunc(candidates, as.reaches)
	if i < 0 {
		return "", fmt.Errorf("user %s can reach none of the directories for temporary files %v", as.name, candidates)
	}
	return candidates[i], nil
}

// reaches reports whether the account may enter the directory and all its parents.
func (a *account) reaches(path string) bool {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return false
	}
	if path, err = filepath.Abs(path); err != nil {
		return false
	}
	for {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm()&0o001 == 0 {
			return false
		}
		parent := filepath.Dir(path)
		if parent == path {
			return true
		}
		path = parent
	}
}
