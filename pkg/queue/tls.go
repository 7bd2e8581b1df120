package queue

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// TLSFiles names the certificate files for TLS to Redis. All are optional.
type TLSFiles struct {
	// CA is a PEM file with the certificates of authorities to trust instead of the system's.
	CA string
	// Cert and Key are PEM files with this client's certificate and its key. Set both or none.
	Cert, Key string
}

// config returns the TLS configuration, or nil if the location does not use TLS. It reads all files once, so that a bad file is an error at
// start. Each connection reads the certificate and its key again, so that a renewed certificate needs no restart.
func (f TLSFiles) config(l location) (*tls.Config, error) {
	if !l.tls {
		if f != (TLSFiles{}) {
			return nil, errors.New("REDIS_CA_FILE, REDIS_CERT_FILE and REDIS_KEY_FILE are for TLS, which REDIS_URL does not use: " +
				"write rediss://, or redis-cluster:// or redis-sentinel:// with tls=true")
		}
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: l.serverName}
	var problems []error
	if f.CA != "" {
		pool, err := readAuthorities(f.CA)
		problems = append(problems, err)
		config.RootCAs = pool
	}
	switch {
	case (f.Cert == "") != (f.Key == ""):
		problems = append(problems, errors.New("REDIS_CERT_FILE and REDIS_KEY_FILE belong together: set both or none"))
	case f.Cert != "":
		if _, err := f.certificate(); err != nil {
			problems = append(problems, err)
		}
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return f.certificate() }
	}
	return config, errors.Join(problems...)
}

func readAuthorities(file string) (*x509.CertPool, error) {
	content, err := os.ReadFile(file) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("read REDIS_CA_FILE: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(content) {
		return nil, errors.New("REDIS_CA_FILE holds no certificate in PEM")
	}
	return pool, nil
}

func (f TLSFiles) certificate() (*tls.Certificate, error) {
	certificate, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		return nil, fmt.Errorf("read REDIS_CERT_FILE and REDIS_KEY_FILE: %w", err)
	}
	return &certificate, nil
}
