package containers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// cacheDir is where programs are kept that take minutes to build.
func cacheDir() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a place for programs: %w", err)
	}
	dir := filepath.Join(cache, "redrive", "docker")
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", fmt.Errorf("make a place for programs: %w", err)
	}
	return dir, nil
}

// goProgram returns the program of a package, given as PATH@VERSION, which is built unless an earlier run has kept it.
func goProgram(ctx context.Context, program string) (path string, err error) {
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	path = filepath.Join(cache, filepath.Base(program))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	temporary, err := os.MkdirTemp(cache, "building-")
	if err != nil {
		return "", fmt.Errorf("build %s: %w", program, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temporary)) }()
	if _, err := goCommand(ctx, temporary, []string{"GOBIN=" + temporary}, "install", "-trimpath", program); err != nil {
		return "", err
	}
	built, err := filepath.Glob(filepath.Join(temporary, "*"))
	if err != nil || len(built) != 1 {
		return "", fmt.Errorf("build %s: it made %d programs: %w", program, len(built), err)
	}
	if err := os.Rename(built[0], path); err != nil {
		return "", fmt.Errorf("build %s: %w", program, err)
	}
	return path, nil
}
