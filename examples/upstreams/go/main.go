// A service behind Gatehouse, with Go's standard library alone:
//
//	CERTS=.gatehouse/pki NAME=reports PORT=8443 go run ./examples/upstreams/go
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const gatewayID = "spiffe://gatehouse.internal/gateway"

// Identity is the caller as the gateway verified it (docs/identity-headers.md).
type Identity struct {
	Kind    string   `json:"kind"`
	Subject string   `json:"subject,omitempty"`
	Issuer  string   `json:"issuer,omitempty"`
	Client  string   `json:"client,omitempty"`
	Scopes  []string `json:"scopes"`
	Roles   []string `json:"roles"`
	Expires int64    `json:"expires,omitempty"`
}

var (
	kinds    = []string{"user", "service", "api-key", "certificate", "anonymous"}
	digits   = regexp.MustCompile(`^(0|[1-9][0-9]{0,14})$`)
	errWrong = errors.New("identity headers that the gateway does not write")
)

// decode takes the one spelling that the gateway writes: %61lice is not alice.
func decode(value string) (string, error) {
	text, err := url.PathUnescape(value)
	if err != nil || text == "" || !utf8.ValidString(text) || encode(text) != value {
		return "", errWrong
	}
	return text, nil
}

func encode(text string) string {
	var out strings.Builder
	for _, b := range []byte(text) {
		if b > 0x20 && b < 0x7f && b != '%' {
			out.WriteByte(b)
		} else {
			fmt.Fprintf(&out, "%%%02X", b)
		}
	}
	return out.String()
}

func readIdentity(headers http.Header) (identity Identity, err error) {
	// One value, or "" and false. A header that comes twice has no one value.
	get := func(name string) (string, bool) {
		values := headers.Values("X-Identity-" + name)
		if len(values) > 1 {
			err = errWrong
		}
		if len(values) == 0 {
			return "", false
		}
		return values[0], true
	}
	text := func(name string) (value string) {
		if raw, sent := get(name); sent {
			var wrong error
			if value, wrong = decode(raw); wrong != nil {
				err = wrong
			}
		}
		return value
	}
	list := func(name string) []string {
		items := []string{}
		raw, _ := get(name)
		if raw == "" {
			return items
		}
		for _, item := range strings.Split(raw, " ") {
			value, wrong := decode(item)
			if wrong != nil {
				err = wrong
			}
			items = append(items, value)
		}
		return items
	}
	version, _ := get("Version")
	identity.Kind, _ = get("Kind")
	identity.Subject, identity.Issuer, identity.Client = text("Subject"), text("Issuer"), text("Client")
	text("Session")
	text("Token")
	identity.Scopes, identity.Roles = list("Scopes"), list("Roles")
	if expires, sent := get("Expires"); sent {
		if !digits.MatchString(expires) {
			err = errWrong
		}
		identity.Expires, _ = strconv.ParseInt(expires, 10, 64)
	}
	if version != "1" || !slices.Contains(kinds, identity.Kind) || (identity.Kind == "anonymous") != (identity.Subject == "") {
		err = errWrong
	}
	return identity, err
}

// onlyTheGateway refuses the handshake of everybody else: another service of the CA has a good certificate, too.
func onlyTheGateway(state tls.ConnectionState) error {
	uris := state.PeerCertificates[0].URIs
	if len(uris) != 1 || uris[0].String() != gatewayID {
		return errors.New("not the gateway")
	}
	return nil
}

func withIdentity(handle func(http.ResponseWriter, *http.Request, Identity)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		identity, err := readIdentity(r.Header)
		if err != nil {
			http.Error(w, "forbidden", http.StatusForbidden)
			return
		}
		handle(w, r, identity)
	}
}

func main() {
	certs, name := os.Getenv("CERTS"), os.Getenv("NAME")
	ca, err := os.ReadFile(filepath.Join(certs, "ca.pem"))
	if err != nil {
		log.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)

	http.HandleFunc("GET /whoami", withIdentity(func(w http.ResponseWriter, _ *http.Request, identity Identity) {
		_ = json.NewEncoder(w).Encode(identity)
	}))
	http.HandleFunc("GET /reports", withIdentity(func(w http.ResponseWriter, _ *http.Request, identity Identity) {
		if !slices.Contains(identity.Scopes, "reports:read") {
			http.Error(w, "forbidden", http.StatusForbidden)
			return
		}
		fmt.Fprintf(w, "the reports of %s\n", identity.Subject)
	}))
	server := http.Server{
		Addr: "127.0.0.1:" + os.Getenv("PORT"),
		TLSConfig: &tls.Config{
			MinVersion:       tls.VersionTLS13,
			ClientAuth:       tls.RequireAndVerifyClientCert,
			ClientCAs:        pool,
			VerifyConnection: onlyTheGateway,
		},
	}
	log.Fatal(server.ListenAndServeTLS(filepath.Join(certs, name+".pem"), filepath.Join(certs, name+"-key.pem")))
}
