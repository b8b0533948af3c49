import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.FutureTask;
import javax.jms.Connection;
import javax.jms.JMSException;
import javax.jms.Message;
import javax.jms.MessageConsumer;
import javax.jms.MessageProducer;
import javax.jms.Queue;
import javax.jms.Session;
import javax.jms.TextMessage;
import org.apache.activemq.ActiveMQConnectionFactory;

/** Runs named checks one after the other and prints a line for each: "ok NAME", or "not ok NAME: why". */
abstract class Harness {
    static final long WAIT_MS = 5000;
    /** Long enough to see that nothing comes. */
    static final long NOTHING_MS = 150;
    private static final long CHECK_SECONDS = 20;
    private static final BufferedReader ORDERS =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));

    private static String url;
    private static int queueCount = 0;

    interface Check {
        void run() throws Exception;
    }

    static void begin(String serverUrl) {
        url = serverUrl;
    }

    static String url() {
        return url;
    }

    static void check(String name, Check body) throws InterruptedException {
        FutureTask<Void> task = new FutureTask<>(() -> {
            body.run();
            return null;
        });
        Thread thread = new Thread(task, name);
        thread.setDaemon(true);
        thread.start();
        String failure = null;
        try {
            task.get(CHECK_SECONDS, TimeUnit.SECONDS);
        } catch (java.util.concurrent.ExecutionException error) {
            failure = described(error.getCause());
        } catch (java.util.concurrent.TimeoutException error) {
            failure = "still running after " + CHECK_SECONDS + " s at " + Arrays.toString(thread.getStackTrace());
        }
        System.out.println(failure == null ? "ok " + name : "not ok " + name + ": " + failure.replace('\n', ' '));
    }

    private static String described(Throwable error) {
        StackTraceElement[] stack = error.getStackTrace();
        StringBuilder places = new StringBuilder();
        for (StackTraceElement place : stack) {
            if (!place.getClassName().startsWith("org.") && !place.getClassName().startsWith("java.")) {
                places.append(" at ").append(place.getFileName()).append(':').append(place.getLineNumber());
            }
        }
        return error + places.toString();
    }

    /** Asks the one who started this program to do something, and waits until it is done. */
    static void ask(String what) throws IOException {
        System.out.println("please " + what);
        ORDERS.readLine();
    }

    static Connection connect() throws JMSException {
        return connect("");
    }

    static Connection connect(String options) throws JMSException {
        Connection connection = new ActiveMQConnectionFactory(url + options).createConnection();
        connection.start();
        return connection;
    }

    static Session auto(Connection connection) throws JMSException {
        return connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
    }

    static Session transacted(Connection connection) throws JMSException {
        return connection.createSession(true, Session.SESSION_TRANSACTED);
    }

    /** Of a name that no other check uses. */
    static String freshName() {
        queueCount += 1;
        return "check-" + queueCount;
    }

    static Queue freshQueue(Session session) throws JMSException {
        return session.createQueue(freshName());
    }

    static void sendTexts(Session session, javax.jms.Destination destination, int count) throws JMSException {
        MessageProducer producer = session.createProducer(destination);
        for (int index = 0; index < count; index += 1) producer.send(session.createTextMessage("m" + index));
        producer.close();
    }

    static String textOf(Message message) throws JMSException {
        return message == null ? null : ((TextMessage) message).getText();
    }

    static void expectTexts(MessageConsumer consumer, String... texts) throws JMSException {
        for (String text : texts) equal(text, textOf(consumer.receive(WAIT_MS)));
    }

    static void expectNothing(MessageConsumer consumer) throws JMSException {
        Message message = consumer.receive(NOTHING_MS);
        if (message != null) throw new AssertionError("unexpected " + message);
    }

    static void equal(Object expected, Object actual) {
        if (!Objects.deepEquals(expected, actual)) {
            throw new AssertionError("expected " + expected + ", got " + actual);
        }
    }

    static void truth(boolean fact, String what) {
        if (!fact) throw new AssertionError(what);
    }

    static <E extends Exception> E thrown(Class<E> kind, Check body) throws Exception {
        try {
            body.run();
        } catch (Exception error) {
            if (kind.isInstance(error)) return kind.cast(error);
            throw new AssertionError("expected " + kind.getSimpleName() + ", got " + error, error);
        }
        throw new AssertionError("expected " + kind.getSimpleName());
    }
}
