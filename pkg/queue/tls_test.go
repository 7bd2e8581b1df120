package queue_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/testservers"
)

// authority signs certificates for one test.
type authority struct {
	t           *testing.T
	dir         string
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	a := authority{t: t, dir: t.TempDir()}
	a.certificate = &x509.Certificate{Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	_, _, a.key = a.sign("ca", a.certificate)
	return a
}

func (a authority) file(name string) string { return filepath.Join(a.dir, name) }

// issue makes a certificate for the names and addresses.
func (a authority) issue(name string, hosts ...string) (certificate, key string) {
	a.t.Helper()
	template := &x509.Certificate{Subject: pkix.Name{CommonName: name}}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	certificate, key, _ = a.sign(name, template)
	return certificate, key
}

func (a authority) sign(name string, template *x509.Certificate) (certFile, keyFile string, key *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(a.t, err)
	signer := a.key
	if signer == nil {
		signer = key
	}
	template.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62))
	require.NoError(a.t, err)
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, signer)
	require.NoError(a.t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(a.t, err)
	certFile, keyFile = a.file(name+".crt"), a.file(name+".key")
	a.write(certFile, "CERTIFICATE", der)
	a.write(keyFile, "PRIVATE KEY", pkcs8)
	return certFile, keyFile, key
}

func (a authority) write(file, kind string, content []byte) {
	a.t.Helper()
	require.NoError(a.t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600))
}

// startTLS starts a Redis that takes TLS beside what testservers speaks, and returns the address of the former.
func (a authority) startTLS(settings map[string]string) (addr string) {
	return a.startSentinelTLS("", settings)
}

// startSentinelTLS starts a sentinel likewise, if it has a configuration.
func (a authority) startSentinelTLS(configuration string, settings map[string]string) (addr string) {
	a.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(a.t, err)
	addr = listener.Addr().String()
	require.NoError(a.t, listener.Close())
	_, port, err := net.SplitHostPort(addr)
	require.NoError(a.t, err)
	all := map[string]string{"tls-port": port, "tls-ca-cert-file": a.file("ca.crt")}
	for name, value := range settings {
		all[name] = value
	}
	server, err := testservers.StartRedis(testservers.RedisOptions{Settings: all, Sentinel: configuration})
	require.NoError(a.t, err)
	a.t.Cleanup(func() { assert.NoError(a.t, server.Close()) })
	return addr
}

// A client connects only with a trusted server certificate and, unless Redis is configured otherwise, its own certificate.
func TestTLSCertificates(t *testing.T) {
	t.Parallel()
	ours, other := newAuthority(t), newAuthority(t)
	server, serverKey := ours.issue("server", "127.0.0.1", "redis.example")
	certificate, key := ours.issue("client")
	strangers, strangersKey := other.issue("client")
	addr := ours.startTLS(map[string]string{"tls-cert-file": server, "tls-key-file": serverKey})
	named, namedKey := ours.issue("named", "redis.example")
	namedAddr := ours.startTLS(map[string]string{"tls-cert-file": named, "tls-key-file": namedKey, "tls-auth-clients": "no"})

	ca := ours.file("ca.crt")
	for name, test := range map[string]struct {
		url     string
		files   queue.TLSFiles
		refused string // empty for none
	}{
		"its authority and a certificate": {"rediss://" + addr, queue.TLSFiles{CA: ca, Cert: certificate, Key: key}, ""},
		"a name in its certificate":       {"rediss://" + addr + "?tls_server_name=redis.example", queue.TLSFiles{CA: ca, Cert: certificate, Key: key}, ""},
		"no certificate":                  {"rediss://" + addr, queue.TLSFiles{CA: ca}, "write to Redis"},
		"an untrusted certificate":        {"rediss://" + addr, queue.TLSFiles{CA: ca, Cert: strangers, Key: strangersKey}, "write to Redis"},
		"the system's authorities":        {"rediss://" + addr, queue.TLSFiles{Cert: certificate, Key: key}, "certificate"},
		"another authority":               {"rediss://" + addr, queue.TLSFiles{CA: other.file("ca.crt"), Cert: certificate, Key: key}, "certificate"},
		"a name that is not in it":        {"rediss://" + addr + "?tls_server_name=other.example", queue.TLSFiles{CA: ca, Cert: certificate, Key: key}, "other.example"},
		"an address that is not in it":    {"rediss://" + namedAddr, queue.TLSFiles{CA: ca}, "127.0.0.1"},
		"its name instead":                {"rediss://" + namedAddr + "?tls_server_name=redis.example", queue.TLSFiles{CA: ca}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := queue.ConnectWithin(test.url, test.files, soon) // a handshake may be slow on a busy machine
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, client.Close()) })
			err = queue.Probe(t.Context(), client)
			if test.refused == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.refused)
		})
	}
}

// The same files serve all nodes of a cluster.
func TestTLSCluster(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	server, serverKey := a.issue("server", "127.0.0.1")
	certificate, key := a.issue("client")
	files := queue.TLSFiles{CA: a.file("ca.crt"), Cert: certificate, Key: key}
	settings := map[string]string{"tls-cert-file": server, "tls-key-file": serverKey, "tls-ca-cert-file": files.CA}

	cluster, err := testservers.StartRedisCluster(testservers.RedisClusterOptions{Nodes: 3, TLS: settings})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cluster.Close()) })
	addrs := cluster.TLSAddrs()
	for _, url := range []string{"rediss://" + addrs[0], "rediss://" + addrs[1] + "," + addrs[2]} {
		client, err := queue.ConnectTLS(url, files)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, client.Close()) })
		for i := range 20 { // on all nodes
			require.NoError(t, client.Set(t.Context(), fmt.Sprintf("key%d", i), "", time.Minute).Err(), url)
		}
	}
}

// A renewed certificate is used without a restart.
func TestTLSRenewedCertificateIsUsed(t *testing.T) {
	t.Parallel()
	ours, other := newAuthority(t), newAuthority(t)
	server, serverKey := ours.issue("server", "127.0.0.1")
	addr := ours.startTLS(map[string]string{"tls-cert-file": server, "tls-key-file": serverKey})
	stale, staleKey := other.issue("client")
	client, err := queue.ConnectTLS("rediss://"+addr, queue.TLSFiles{CA: ours.file("ca.crt"), Cert: stale, Key: staleKey})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	require.Error(t, queue.Probe(t.Context(), client))

	renewed, renewedKey := ours.issue("renewed")
	require.NoError(t, os.Rename(renewed, stale))
	require.NoError(t, os.Rename(renewedKey, staleKey))
	require.NoError(t, queue.Probe(t.Context(), client))
}

// Bad files are an error of ConnectTLS that names the setting.
func TestTLSBadFilesFail(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	certificate, key := a.issue("client")
	_, otherKey := a.issue("other")
	for name, test := range map[string]struct {
		url   string
		files queue.TLSFiles
		says  string
	}{
		"without TLS":           {"redis://h", queue.TLSFiles{CA: certificate}, "rediss://"},
		"sentinel without TLS":  {"redis-sentinel://h:1?master=m", queue.TLSFiles{CA: certificate}, "tls=true"},
		"no such authority":     {"rediss://h", queue.TLSFiles{CA: a.file("none")}, "REDIS_CA_FILE"},
		"a key for authority":   {"rediss://h", queue.TLSFiles{CA: key}, "REDIS_CA_FILE holds no certificate"},
		"certificate alone":     {"rediss://h", queue.TLSFiles{Cert: certificate}, "belong together"},
		"key alone":             {"rediss://h", queue.TLSFiles{Key: key}, "belong together"},
		"another's key":         {"rediss://h", queue.TLSFiles{Cert: certificate, Key: otherKey}, "REDIS_KEY_FILE"},
		"certificate for a key": {"rediss://h", queue.TLSFiles{Cert: certificate, Key: certificate}, "REDIS_KEY_FILE"},
		"no such key":           {"rediss://h", queue.TLSFiles{Cert: certificate, Key: a.file("none")}, "REDIS_KEY_FILE"},
		"in sentinel's as well": {"redis-sentinel://h:1?master=m&tls=1", queue.TLSFiles{CA: a.file("none")}, "REDIS_CA_FILE"},
		"in a cluster's too":    {"rediss://h,i", queue.TLSFiles{CA: a.file("none")}, "REDIS_CA_FILE"},
	} {
		client, err := queue.ConnectTLS(test.url, test.files)
		if !assert.ErrorContains(t, err, test.says, name) && client != nil {
			_ = client.Close()
		}
	}
}
