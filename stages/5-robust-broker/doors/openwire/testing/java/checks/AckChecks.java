import java.util.Enumeration;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import javax.jms.Connection;
import javax.jms.Message;
import javax.jms.MessageConsumer;
import javax.jms.MessageProducer;
import javax.jms.Queue;
import javax.jms.Session;
import org.apache.activemq.ActiveMQConnection;
import org.apache.activemq.ActiveMQConnectionFactory;
import org.apache.activemq.ActiveMQSession;
import org.apache.activemq.RedeliveryPolicy;

/** How messages are finished, and what becomes of those that are not. */
final class AckChecks extends Harness {
    static void all() throws Exception {
        check("what was acknowledged by itself does not come again", () -> finished(Session.AUTO_ACKNOWLEDGE));
        check("what was acknowledged lazily does not come again", () -> finished(Session.DUPS_OK_ACKNOWLEDGE));
        check("what a client did not acknowledge comes again", AckChecks::clientAcknowledge);
        check("a recovered session is given its messages again", AckChecks::recover);
        check("a single message is acknowledged alone", AckChecks::individual);
        check("more than the prefetch is delivered before the first ack", AckChecks::beyondPrefetch);
        check("a commit sends and acknowledges, a rollback neither", AckChecks::commitAndRollback);
        check("a transaction takes more than the prefetch", AckChecks::largeTransaction);
        check("what cannot be worked on becomes a dead letter", AckChecks::poison);
        check("a listener gets messages, and none while the connection is stopped", AckChecks::listener);
        check("prefetch 0 asks for each message", AckChecks::prefetchZero);
        check("prefetch 1 leaves the rest to others", AckChecks::prefetchOne);
        check("a prefetched message that nobody saw is no redelivery", AckChecks::unseen);
    }

    private static void finished(int mode) throws Exception {
        Connection connection = connect();
        Session session = connection.createSession(false, mode);
        Queue queue = freshQueue(session);
        sendTexts(session, queue, 30);
        MessageConsumer consumer = session.createConsumer(queue);
        for (int index = 0; index < 30; index += 1) expectTexts(consumer, "m" + index);
        consumer.close();
        session.close();
        expectNothing(auto(connection).createConsumer(queue));
        connection.close();
    }

    private static void clientAcknowledge() throws Exception {
        Connection connection = connect();
        Session session = connection.createSession(false, Session.CLIENT_ACKNOWLEDGE);
        Queue queue = freshQueue(session);
        sendTexts(session, queue, 3);
        MessageConsumer consumer = session.createConsumer(queue);
        expectTexts(consumer, "m0");
        consumer.receive(WAIT_MS).acknowledge(); // all of the session up to here
        equal("m2", textOf(consumer.receive(WAIT_MS)));
        session.close();
        Message again = auto(connection).createConsumer(queue).receive(WAIT_MS);
        equal("m2", textOf(again));
        equal(true, again.getJMSRedelivered());
        equal(2, again.getIntProperty("JMSXDeliveryCount"));
        connection.close();
    }

    private static void recover() throws Exception {
        Connection connection = quick(6);
        Session session = connection.createSession(false, Session.CLIENT_ACKNOWLEDGE);
        Queue queue = freshQueue(session);
        sendTexts(session, queue, 2);
        MessageConsumer consumer = session.createConsumer(queue);
        expectTexts(consumer, "m0", "m1");
        session.recover();
        Message again = consumer.receive(WAIT_MS);
        equal("m0", textOf(again));
        equal(true, again.getJMSRedelivered());
        consumer.receive(WAIT_MS).acknowledge();
        session.close();
        expectNothing(auto(connection).createConsumer(queue));
        connection.close();
    }

    private static void individual() throws Exception {
        Connection connection = connect();
        Session session = connection.createSession(false, ActiveMQSession.INDIVIDUAL_ACKNOWLEDGE);
        Queue queue = freshQueue(session);
        sendTexts(session, queue, 3);
        MessageConsumer consumer = session.createConsumer(queue);
        expectTexts(consumer, "m0");
        consumer.receive(WAIT_MS).acknowledge();
        expectTexts(consumer, "m2");
        session.close();
        MessageConsumer rest = auto(connection).createConsumer(queue);
        expectTexts(rest, "m0", "m2");
        expectNothing(rest);
        connection.close();
    }

    private static void beyondPrefetch() throws Exception {
        Connection connection = connect("?jms.prefetchPolicy.queuePrefetch=4");
        Session session = connection.createSession(false, Session.CLIENT_ACKNOWLEDGE);
        Queue queue = freshQueue(session);
        sendTexts(session, queue, 25);
        MessageConsumer consumer = session.createConsumer(queue);
        Message last = null;
        for (int index = 0; index < 25; index += 1) {
            last = consumer.receive(WAIT_MS);
            equal("m" + index, textOf(last));
        }
        last.acknowledge();
        session.close();
        expectNothing(auto(connection).createConsumer(queue));
        connection.close();
    }

    private static void commitAndRollback() throws Exception {
        Connection connection = quick(6);
        Session session = transacted(connection);
        Queue from = freshQueue(session);
        Queue to = freshQueue(session);
        Session watcher = auto(connection);
        sendTexts(watcher, from, 2);
        MessageConsumer consumer = session.createConsumer(from);
        MessageConsumer watching = watcher.createConsumer(to);
        MessageProducer producer = session.createProducer(to);
        expectTexts(consumer, "m0");
        producer.send(session.createTextMessage("undone"));
        session.rollback();
        Message again = consumer.receive(WAIT_MS);
        equal("m0", textOf(again));
        equal(2, again.getIntProperty("JMSXDeliveryCount"));
        producer.send(session.createTextMessage("done"));
        expectNothing(watching);
        session.commit();
        expectTexts(watching, "done");
        expectTexts(consumer, "m1");
        session.commit();
        session.close();
        expectNothing(watcher.createConsumer(from));
        connection.close();
    }

    private static void largeTransaction() throws Exception {
        Connection connection = connect("?jms.prefetchPolicy.queuePrefetch=5");
        Session session = transacted(connection);
        Queue queue = freshQueue(session);
        sendTexts(session, queue, 40);
        session.commit();
        MessageConsumer consumer = session.createConsumer(queue);
        for (int index = 0; index < 40; index += 1) expectTexts(consumer, "m" + index);
        session.commit();
        consumer.close();
        expectNothing(auto(connection).createConsumer(queue));
        connection.close();
    }

    /** Rolled back messages come again at once, so often. */
    private static Connection quick(int redeliveriesMax) throws Exception {
        ActiveMQConnection connection = (ActiveMQConnection) new ActiveMQConnectionFactory(url()).createConnection();
        RedeliveryPolicy policy = connection.getRedeliveryPolicy();
        policy.setInitialRedeliveryDelay(0);
        policy.setRedeliveryDelay(1);
        policy.setMaximumRedeliveries(redeliveriesMax);
        connection.start();
        return connection;
    }

    private static void poison() throws Exception {
        Connection connection = quick(2);
        Session session = transacted(connection);
        Queue queue = freshQueue(session);
        sendTexts(session, queue, 1);
        session.commit();
        MessageConsumer consumer = session.createConsumer(queue);
        for (int delivery = 1; delivery <= 3; delivery += 1) {
            Message message = consumer.receive(WAIT_MS);
            equal("m0", textOf(message));
            equal(delivery, message.getIntProperty("JMSXDeliveryCount"));
            session.rollback();
        }
        expectNothing(consumer);
        Session looking = auto(connection);
        Enumeration<?> dead = looking.createBrowser(looking.createQueue("$dead/" + queue.getQueueName() + "/default"))
            .getEnumeration();
        truth(dead.hasMoreElements(), "there is a dead letter");
        equal("m0", textOf((Message) dead.nextElement()));
        connection.close();
    }

    private static void listener() throws Exception {
        Connection connection = connect();
        connection.stop();
        Session session = auto(connection);
        Queue queue = freshQueue(session);
        BlockingQueue<String> heard = new LinkedBlockingQueue<>();
        session.createConsumer(queue).setMessageListener(message -> {
            try {
                heard.add(textOf(message));
            } catch (javax.jms.JMSException error) {
                heard.add(error.toString());
            }
        });
        sendTexts(session, queue, 3);
        equal(null, heard.poll(NOTHING_MS, TimeUnit.MILLISECONDS));
        connection.start();
        for (int index = 0; index < 3; index += 1) equal("m" + index, heard.poll(WAIT_MS, TimeUnit.MILLISECONDS));
        connection.close();
    }

    private static void prefetchZero() throws Exception {
        Connection connection = connect("?jms.prefetchPolicy.all=0");
        Session session = auto(connection);
        Queue queue = freshQueue(session);
        MessageConsumer consumer = session.createConsumer(queue);
        equal(null, consumer.receiveNoWait());
        equal(null, consumer.receive(50));
        sendTexts(session, queue, 3);
        expectTexts(consumer, "m0");
        MessageConsumer other = session.createConsumer(queue);
        equal("m1", textOf(other.receiveNoWait()));
        expectTexts(consumer, "m2");
        expectNothing(other);
        connection.close();
    }

    private static void prefetchOne() throws Exception {
        Connection connection = connect("?jms.prefetchPolicy.all=1");
        Session session = connection.createSession(false, Session.CLIENT_ACKNOWLEDGE);
        Session other = auto(connection);
        Queue queue = freshQueue(session);
        MessageConsumer first = session.createConsumer(queue);
        MessageConsumer second = other.createConsumer(queue);
        sendTexts(session, queue, 4);
        Set<String> texts = new HashSet<>();
        texts.add(textOf(first.receive(WAIT_MS)));
        for (int index = 0; index < 2; index += 1) texts.add(textOf(second.receive(WAIT_MS)));
        equal(3, texts.size());
        truth(!texts.contains(null), "the second consumer gets what the first does not take: " + texts);
        connection.close();
    }

    private static void unseen() throws Exception {
        Connection connection = connect();
        Session session = connection.createSession(false, Session.CLIENT_ACKNOWLEDGE);
        Queue queue = freshQueue(session);
        sendTexts(session, queue, 2);
        MessageConsumer consumer = session.createConsumer(queue);
        expectTexts(consumer, "m0");
        consumer.close();
        session.close();
        MessageConsumer rest = auto(connection).createConsumer(queue);
        equal(true, rest.receive(WAIT_MS).getJMSRedelivered());
        Message unseen = rest.receive(WAIT_MS);
        equal("m1", textOf(unseen));
        equal(false, unseen.getJMSRedelivered());
        connection.close();
    }
}
