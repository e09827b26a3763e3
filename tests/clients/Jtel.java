import java.io.InputStream;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.StringJoiner;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSession;
import javax.net.ssl.TrustManagerFactory;

/**
 * Asks dialgate as jtel does: GET with Basic credentials, over TLS, with the HTTP client that comes with Java.
 *
 * <pre>java Jtel.java URL CA.pem USER PASSWORD 1.1|2 CALLS ID:PHONE [ID:PHONE ...]</pre>
 *
 * Makes CALLS calls one after the other, taking the pairs in turn, over kept connections. Trusts the given CA
 * and nothing else. Prints one line of JSON per call:
 *
 * <pre>{"call":1,"status":200,"protocol":"HTTP_2","tls":"TLSv1.3","cipher":"TLS_AES_128_GCM_SHA256",
 * "contentType":"application/json","millis":12,"body":"{...}"}</pre>
 *
 * Any HTTP status is an answer. Exit code 1 means that there was none: the line then has "error" instead of
 * "status", and no further call is made. Exit code 2 means wrong arguments.
 *
 * TLS_PROTOCOLS in the environment, such as TLSv1.2, narrows what the client offers.
 */
public final class Jtel {
  /** A person waits for this call; ten seconds are far beyond what jtel would wait. */
  private static final Duration CALL_LIMIT = Duration.ofSeconds(10);

  public static void main(String[] args) throws Exception {
    if (args.length < 7 || !List.of("1.1", "2").contains(args[4])) {
      System.err.println("usage: Jtel URL CA.pem USER PASSWORD 1.1|2 CALLS ID:PHONE [ID:PHONE ...]");
      System.exit(2);
    }
    String url = args[0];
    String token = Base64.getEncoder().encodeToString((args[2] + ":" + args[3]).getBytes(StandardCharsets.UTF_8));
    int calls = Integer.parseInt(args[5]);
    List<String> pairs = Arrays.asList(args).subList(6, args.length);
    HttpClient client = client(Path.of(args[1]), args[4]);

    for (int call = 1; call <= calls; call++) {
      HttpRequest request = HttpRequest.newBuilder(question(url, pairs.get((call - 1) % pairs.size())))
          .header("Authorization", "Basic " + token)
          .timeout(CALL_LIMIT)
          .GET()
          .build();
      long start = System.nanoTime();
      try {
        HttpResponse<String> response = client.send(request, HttpResponse.BodyHandlers.ofString());
        System.out.println(line(call, response, (System.nanoTime() - start) / 1_000_000));
      } catch (Exception noAnswer) {
        System.out.println("{\"call\":" + call + ",\"error\":" + quoted(causes(noAnswer)) + "}");
        System.exit(1);
      }
    }
    // Idle connections would keep the process for a while.
    System.exit(0);
  }

  private static HttpClient client(Path caFile, String version) throws Exception {
    KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
    trusted.load(null, null);
    try (InputStream pem = Files.newInputStream(caFile)) {
      int number = 0;
      for (Certificate certificate : CertificateFactory.getInstance("X.509").generateCertificates(pem)) {
        trusted.setCertificateEntry("ca" + number++, certificate);
      }
    }
    TrustManagerFactory managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    managers.init(trusted);
    SSLContext tls = SSLContext.getInstance("TLS");
    tls.init(null, managers.getTrustManagers(), null);
    var parameters = tls.getDefaultSSLParameters();
    String protocols = System.getenv("TLS_PROTOCOLS");
    if (protocols != null && !protocols.isEmpty()) {
      parameters.setProtocols(protocols.split(","));
    }
    return HttpClient.newBuilder()
        .version(version.equals("2") ? HttpClient.Version.HTTP_2 : HttpClient.Version.HTTP_1_1)
        .followRedirects(HttpClient.Redirect.NEVER)
        .connectTimeout(CALL_LIMIT)
        .sslContext(tls)
        .sslParameters(parameters)
        .build();
  }

  private static URI question(String url, String pair) {
    int colon = pair.lastIndexOf(':');
    if (colon < 0) {
      throw new IllegalArgumentException("no colon in " + pair + "; a pair is ID:PHONE");
    }
    return URI.create(url
        + "?SAPBusinessPartnerID=" + URLEncoder.encode(pair.substring(0, colon), StandardCharsets.UTF_8)
        + "&SAPPhoneNumber=" + URLEncoder.encode(pair.substring(colon + 1), StandardCharsets.UTF_8));
  }

  private static String line(int call, HttpResponse<String> response, long millis) {
    StringJoiner fields = new StringJoiner(",", "{", "}");
    fields.add("\"call\":" + call);
    fields.add("\"status\":" + response.statusCode());
    fields.add("\"protocol\":" + quoted(response.version().name()));
    fields.add("\"tls\":" + quoted(response.sslSession().map(SSLSession::getProtocol).orElse(null)));
    fields.add("\"cipher\":" + quoted(response.sslSession().map(SSLSession::getCipherSuite).orElse(null)));
    fields.add("\"contentType\":" + quoted(response.headers().firstValue("Content-Type").orElse(null)));
    fields.add("\"millis\":" + millis);
    fields.add("\"body\":" + quoted(response.body()));
    return fields.toString();
  }

  /** The exception and what caused it: the reason of a failed handshake is in the innermost one. */
  private static String causes(Throwable failure) {
    StringJoiner all = new StringJoiner(": ");
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      all.add(cause.toString());
    }
    return all.toString();
  }

  private static String quoted(String text) {
    if (text == null) {
      return "null";
    }
    StringBuilder json = new StringBuilder("\"");
    for (char c : text.toCharArray()) {
      if (c == '"' || c == '\\') {
        json.append('\\').append(c);
      } else if (c < ' ' || c > '~') { // ASCII only: what standard output makes of the rest depends on the locale
        json.append(String.format("\\u%04x", (int) c));
      } else {
        json.append(c);
      }
    }
    return json.append('"').toString();
  }
}
