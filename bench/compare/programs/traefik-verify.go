// Verifies access tokens in Traefik, whose open edition has nothing that does.
package verify

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"strings"
	"time"
)

// What the routing configuration gives.
type Config struct {
	Issuer, Audience, PublicKey string
	Revoked                     []string
}

func CreateConfig() *Config { return &Config{} }

type claims struct {
	Iss string  `json:"iss"`
	Aud string  `json:"aud"`
	Sub string  `json:"sub"`
	Jti string  `json:"jti"`
	Exp float64 `json:"exp"`
}

type verify struct {
	next    http.Handler
	config  *Config
	key     *ecdsa.PublicKey
	revoked map[string]bool
}

func New(_ context.Context, next http.Handler, config *Config, _ string) (http.Handler, error) {
	block, _ := pem.Decode([]byte(config.PublicKey))
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	revoked := map[string]bool{}
	for _, jti := range config.Revoked {
		revoked[jti] = true
	}
	return &verify{next, config, key.(*ecdsa.PublicKey), revoked}, nil
}

func (v *verify) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := v.claims(r.Header.Get("Authorization"))
	if c == nil {
		w.WriteHeader(401)
		return
	}
	r.Header.Del("Authorization")
	r.Header.Set("X-Identity-Subject", c.Sub)
	v.next.ServeHTTP(w, r)
}

func (v *verify) claims(header string) *claims {
	if !strings.HasPrefix(header, "Bearer ") {
		return nil
	}
	parts := strings.Split(header[7:], ".")
	if len(parts) != 3 {
		return nil
	}
	var head struct {
		Alg string `json:"alg"`
	}
	if decode(parts[0], &head) != nil || head.Alg != "ES256" {
		return nil
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || len(signature) != 64 {
		return nil
	}
	hash := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	a, b := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	if !ecdsa.Verify(v.key, hash[:], a, b) {
		return nil
	}
	var c claims
	if decode(parts[1], &c) != nil || c.Iss != v.config.Issuer || c.Aud != v.config.Audience {
		return nil
	}
	if c.Exp <= float64(time.Now().Unix()) || v.revoked[c.Jti] {
		return nil
	}
	return &c
}

func decode(part string, into interface{}) error {
	bytes, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(bytes, into)
}
