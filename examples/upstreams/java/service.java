// A service behind Gatehouse, with the JDK's own server (17 or newer):
//
//   CERTS=.gatehouse/pki NAME=reports PORT=8443 java examples/upstreams/java/service.java

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsExchange;
import com.sun.net.httpserver.HttpsParameters;
import com.sun.net.httpserver.HttpsServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.stream.Collectors;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.TrustManagerFactory;

import static java.nio.charset.StandardCharsets.UTF_8;

public class Service {
  static final String GATEWAY_ID = "spiffe://gatehouse.internal/gateway";
  static final Set<String> KINDS = Set.of("user", "service", "api-key", "certificate", "anonymous");

  /** Identity headers that the gateway does not write, or a caller that may not. */
  static class Refused extends Exception {}

  /** The caller as the gateway verified it (docs/identity-headers.md). */
  record Identity(String kind, String subject, String issuer, String client, List<String> scopes, List<String> roles,
      Long expires) {}

  static Identity readIdentity(Headers headers) throws Refused {
    String kind = one(headers, "kind");
    String subject = text(headers, "subject");
    boolean isAnonymous = "anonymous".equals(kind);
    if (!"1".equals(one(headers, "version")) || kind == null || !KINDS.contains(kind)) throw new Refused();
    if (isAnonymous != (subject == null)) throw new Refused();
    text(headers, "session");
    text(headers, "token");
    String expires = one(headers, "expires");
    if (expires != null && !expires.matches("0|[1-9][0-9]{0,14}")) throw new Refused();
    return new Identity(kind, subject, text(headers, "issuer"), text(headers, "client"), list(headers, "scopes"),
        list(headers, "roles"), expires == null ? null : Long.valueOf(expires));
  }

  /** A header that comes twice has no one value. */
  static String one(Headers headers, String name) throws Refused {
    List<String> values = headers.get("x-identity-" + name);
    if (values != null && values.size() > 1) throw new Refused();
    return values == null ? null : values.get(0);
  }

  static String text(Headers headers, String name) throws Refused {
    String value = one(headers, name);
    return value == null ? null : decode(value);
  }

  static List<String> list(Headers headers, String name) throws Refused {
    String value = one(headers, name);
    List<String> items = new ArrayList<>();
    if (value != null && !value.isEmpty()) for (String item : value.split(" ", -1)) items.add(decode(item));
    return items;
  }

  /** Takes the one spelling that the gateway writes: %61lice is not alice. */
  static String decode(String value) throws Refused {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try {
      for (int i = 0; i < value.length(); i++) {
        boolean isEncoded = value.charAt(i) == '%';
        bytes.write(isEncoded ? Integer.parseInt(value.substring(i + 1, i + 3), 16) : value.charAt(i));
        if (isEncoded) i += 2;
      }
      String text = UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes.toByteArray())).toString();
      if (text.isEmpty() || !encode(text).equals(value)) throw new Refused();
      return text;
    } catch (CharacterCodingException | RuntimeException cause) {
      throw new Refused();
    }
  }

  static String encode(String text) {
    StringBuilder out = new StringBuilder();
    for (byte b : text.getBytes(UTF_8)) {
      if (b > 0x20 && b < 0x7f && b != '%') out.append((char) b);
      else out.append(String.format("%%%02X", b));
    }
    return out.toString();
  }

  /** Another service of the CA has a good certificate, too, and is not the gateway. */
  static boolean isGateway(HttpsExchange exchange) throws Exception {
    var names = ((X509Certificate) exchange.getSSLSession().getPeerCertificates()[0]).getSubjectAlternativeNames();
    var uris = names.stream().filter(name -> name.get(0).equals(6)).map(name -> name.get(1)).toList();
    return uris.equals(List.of(GATEWAY_ID));
  }

  interface Handler {
    String answer(Identity caller) throws Refused;
  }

  static void handle(HttpExchange exchange, Handler handler) throws IOException {
    int status = 200;
    String body;
    try {
      if (!isGateway((HttpsExchange) exchange)) throw new Refused();
      body = handler.answer(readIdentity(exchange.getRequestHeaders()));
    } catch (Exception refused) {
      status = 403;
      body = "forbidden\n";
    }
    byte[] bytes = body.getBytes(UTF_8);
    exchange.sendResponseHeaders(status, bytes.length);
    exchange.getResponseBody().write(bytes);
    exchange.close();
  }

  static String json(Object value) {
    if (value == null) return "null";
    if (value instanceof Long number) return number.toString();
    if (value instanceof List<?> items) return items.stream().map(Service::json).collect(Collectors.joining(",", "[", "]"));
    StringBuilder out = new StringBuilder("\"");
    for (char c : value.toString().toCharArray())
      out.append(c < 0x20 || c == '"' || c == '\\' ? String.format("\\u%04x", (int) c) : String.valueOf(c));
    return out.append('"').toString();
  }

  public static void main(String[] args) throws Exception {
    Path certs = Path.of(System.getenv("CERTS"));
    HttpsServer server = HttpsServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(System.getenv("PORT"))), 0);
    SSLContext tls = tls(certs, System.getenv("NAME"));
    server.setHttpsConfigurator(new HttpsConfigurator(tls) {
      @Override
      public void configure(HttpsParameters connection) {
        SSLParameters parameters = tls.getDefaultSSLParameters();
        parameters.setProtocols(new String[] {"TLSv1.3"});
        parameters.setNeedClientAuth(true);
        connection.setSSLParameters(parameters);
      }
    });
    server.createContext("/whoami", exchange -> handle(exchange, caller -> {
      StringBuilder out = new StringBuilder("{\"kind\":" + json(caller.kind()));
      if (caller.subject() != null) out.append(",\"subject\":").append(json(caller.subject()));
      if (caller.issuer() != null) out.append(",\"issuer\":").append(json(caller.issuer()));
      if (caller.client() != null) out.append(",\"client\":").append(json(caller.client()));
      if (caller.expires() != null) out.append(",\"expires\":").append(json(caller.expires()));
      return out.append(",\"scopes\":" + json(caller.scopes()) + ",\"roles\":" + json(caller.roles()) + "}").toString();
    }));
    server.createContext("/reports", exchange -> handle(exchange, caller -> {
      if (!caller.scopes().contains("reports:read")) throw new Refused();
      return "the reports of " + caller.subject() + "\n";
    }));
    server.setExecutor(Executors.newCachedThreadPool());
    server.start();
  }

  static SSLContext tls(Path certs, String name) throws Exception {
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    String pem = Files.readString(certs.resolve(name + "-key.pem")).replaceAll("-----[^-]+-----|\\s", "");
    var key = KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem)));
    store.setKeyEntry("own", key, new char[0], read(certs.resolve(name + ".pem")).toArray(new Certificate[0]));
    KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    keys.init(store, new char[0]);
    KeyStore trusted = KeyStore.getInstance("PKCS12");
    trusted.load(null, null);
    for (Certificate ca : read(certs.resolve("ca.pem"))) trusted.setCertificateEntry("ca" + trusted.size(), ca);
    TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(trusted);
    SSLContext tls = SSLContext.getInstance("TLS");
    tls.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
    return tls;
  }

  static List<Certificate> read(Path file) throws Exception {
    try (var in = Files.newInputStream(file)) {
      return new ArrayList<>(CertificateFactory.getInstance("X.509").generateCertificates(in));
    }
  }
}
