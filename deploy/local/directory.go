package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"

	"redrive/pkg/keyring"
	"redrive/pkg/store"
	"redrive/pkg/store/sqlite"
	"redrive/pkg/webhook"
)

const (
	databaseFile    = "redrive.db"
	secretsFile     = "secrets-key"
	apiKeyFile      = "api-key"
	platformKeyFile = "platform-key"
	addressesFile   = "addresses.json"
	lockFile        = "lock"

	privateFolder = 0o700
	privateFile   = 0o600
)

// directory is the data folder, which one instance at a time may use.
type directory struct {
	path string
	lock *flock.Flock
}

func openDirectory(path string) (*directory, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("find the folder %s: %w", path, err)
	}
	if err := os.MkdirAll(absolute, privateFolder); err != nil {
		return nil, fmt.Errorf("make the folder %s (REDRIVE_LOCAL_DIR names another): %w", absolute, err)
	}
	d := &directory{path: absolute, lock: flock.New(filepath.Join(absolute, lockFile))}
	locked, err := d.lock.TryLock()
	switch {
	case err != nil:
		return nil, fmt.Errorf("use the folder %s (REDRIVE_LOCAL_DIR names another): %w", absolute, err)
	case !locked:
		return nil, fmt.Errorf("another instance is using the folder %s: `make info` prints its addresses; stop it, or set REDRIVE_LOCAL_DIR to another folder", absolute)
	}
	// The file was left by an instance that was killed. No other process may take it for ours.
	if err := os.Remove(d.file(addressesFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(fmt.Errorf("use the folder: %w", err), d.lock.Unlock())
	}
	return d, nil
}

func (d *directory) close() error {
	err := os.Remove(d.file(addressesFile))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, d.lock.Unlock())
}

func (d *directory) file(name string) string { return filepath.Join(d.path, name) }

// openStore opens the database and brings its schema up to date.
func (d *directory) openStore(ctx context.Context) (*store.Store, error) {
	secrets, err := d.readOrMake(secretsFile, keyring.Generate)
	if err != nil {
		return nil, err
	}
	sealer, err := keyring.Parse(secrets)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", d.file(secretsFile), err)
	}
	// SQLite makes new files readable by everyone, and keeps the permissions of existing ones.
	file, err := os.OpenFile(d.file(databaseFile), os.O_CREATE|os.O_RDWR, privateFile)
	if err != nil {
		return nil, fmt.Errorf("make the database: %w", err)
	}
	if err := file.Close(); err != nil {
		return nil, fmt.Errorf("make the database: %w", err)
	}
	opened, err := sqlite.Open(d.file(databaseFile), sealer)
	if err != nil {
		return nil, err
	}
	if _, err := opened.Migrate(ctx); err != nil {
		return nil, errors.Join(err, opened.Close())
	}
	if err := countAll(ctx, opened); err != nil {
		return nil, errors.Join(err, opened.Close())
	}
	return opened, nil
}

// countAll counts the rows of a version without statistics. No such version runs, because only this process may use the folder.
func countAll(ctx context.Context, s *store.Store) error {
	if known, err := s.KnowsCounts(ctx); err != nil || known {
		return err
	}
	return s.BackfillStatistics(ctx, webhook.Now(), func(store.Backfilled) {})
}

// The keys that local mode creates.
var (
	localKey         = webhook.APIKeySpec{OrganizationID: Organization, Name: "local", Scope: webhook.ScopeReadWrite, CreatedBy: "local mode"}
	localPlatformKey = webhook.APIKeySpec{Name: "local platform", Scope: webhook.ScopePlatform, CreatedBy: "local mode"}
)

// rawKey returns the raw key in a file of the folder. It makes a key if the file or its row is missing.
func (d *directory) rawKey(ctx context.Context, s *store.Store, file string, spec webhook.APIKeySpec) (webhook.Secret, error) {
	raw, err := os.ReadFile(d.file(file))
	if err == nil {
		kept := strings.TrimSpace(string(raw))
		if _, err := s.FindAPIKeyByHash(ctx, webhook.HashAPIKey(kept)); err == nil {
			return webhook.Secret(kept), nil
		}
	}
	key, secret := webhook.NewAPIKey(spec, webhook.Now())
	if err := s.CreateAPIKey(ctx, key); err != nil {
		return "", err
	}
	return secret, d.write(file, secret.Reveal()+"\n")
}

func (d *directory) readOrMake(name string, generate func() (string, error)) (string, error) {
	content, err := os.ReadFile(d.file(name))
	if err == nil {
		return strings.TrimSpace(string(content)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the folder: %w", err)
	}
	made, err := generate()
	if err != nil {
		return "", err
	}
	return made, d.write(name, made+"\n")
}

func (d *directory) writeAddresses(addresses Addresses) error {
	content, err := json.Marshal(addresses)
	if err != nil {
		return fmt.Errorf("encode the addresses: %w", err)
	}
	return d.write(addressesFile, string(content)+"\n")
}

// write replaces a file atomically, so that neither a reader nor a kill leaves half of it.
func (d *directory) write(name, content string) error {
	scratch := d.file(name + ".new")
	if err := os.WriteFile(scratch, []byte(content), privateFile); err != nil {
		return fmt.Errorf("write into the folder: %w", err)
	}
	if err := os.Rename(scratch, d.file(name)); err != nil {
		return fmt.Errorf("write into the folder: %w", err)
	}
	return nil
}
