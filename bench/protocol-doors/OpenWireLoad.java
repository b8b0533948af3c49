import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import javax.jms.BytesMessage;
import javax.jms.Connection;
import javax.jms.MessageProducer;
import javax.jms.Session;
import org.apache.activemq.ActiveMQConnectionFactory;

/**
 * Persistent messages of 100 bytes, each sent when the one before is answered, over as many connections as it is told. For each
 * line "url queue milliseconds connections" of its input it writes how many were answered, and in how many nanoseconds.
 */
public class OpenWireLoad {
  public static void main(String[] args) throws Exception {
    System.out.println("ready");
    BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
    for (String line = input.readLine(); line != null; line = input.readLine()) {
      String[] words = line.split(" ");
      System.out.println(run(words[0], words[1], Long.parseLong(words[2]), Integer.parseInt(words[3])));
    }
  }

  private static String run(String url, String queue, long milliseconds, int connectionCount) throws Exception {
    ActiveMQConnectionFactory factory = new ActiveMQConnectionFactory(url);
    CountDownLatch ready = new CountDownLatch(connectionCount);
    CountDownLatch start = new CountDownLatch(1);
    AtomicInteger number = new AtomicInteger();
    AtomicInteger answeredCount = new AtomicInteger();
    Thread[] threads = new Thread[connectionCount];
    long[] endsAt = new long[1];
    for (int index = 0; index < connectionCount; index += 1) {
      threads[index] = new Thread(() -> {
        try {
          Connection connection = factory.createConnection();
          Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
          MessageProducer producer = session.createProducer(session.createQueue(queue));
          ready.countDown();
          start.await();
          while (System.nanoTime() < endsAt[0]) {
            BytesMessage message = session.createBytesMessage();
            message.writeBytes(body(number.getAndIncrement()));
            producer.send(message);
            answeredCount.incrementAndGet();
          }
          connection.close();
        } catch (Exception error) {
          error.printStackTrace();
          System.exit(1);
        }
      });
      threads[index].start();
    }
    ready.await();
    long beganAt = System.nanoTime();
    endsAt[0] = beganAt + milliseconds * 1_000_000;
    start.countDown();
    for (Thread thread : threads) {
      thread.join();
    }
    return "{\"answered\":" + answeredCount + ",\"nanoseconds\":" + (System.nanoTime() - beganAt) + "}";
  }

  /** Five digits of base 32 from '0' on, and points. */
  private static byte[] body(int number) {
    byte[] body = new byte[100];
    java.util.Arrays.fill(body, (byte) '.');
    for (int at = 4, rest = number; at >= 0; at -= 1, rest >>>= 5) {
      body[at] = (byte) ('0' + (rest & 31));
    }
    return body;
  }
}
