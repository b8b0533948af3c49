import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import javax.jms.Connection;
import javax.jms.DeliveryMode;
import javax.jms.InvalidClientIDException;
import javax.jms.InvalidDestinationException;
import javax.jms.JMSException;
import javax.jms.MessageConsumer;
import javax.jms.MessageProducer;
import javax.jms.Queue;
import javax.jms.ResourceAllocationException;
import javax.jms.Session;
import javax.jms.XAConnection;
import javax.transaction.xa.XAException;
import javax.transaction.xa.XAResource;
import org.apache.activemq.ActiveMQConnection;
import org.apache.activemq.ActiveMQConnectionFactory;
import org.apache.activemq.ActiveMQXAConnectionFactory;
import org.apache.activemq.command.ActiveMQQueue;
import org.apache.activemq.command.XATransactionId;

/** Connections: who they are, how long they last, and what they are refused. */
final class ConnectionChecks extends Harness {
    static void all() throws Exception {
        check("a client id is for one connection at a time", ConnectionChecks::clientIdTwice);
        check("the broker has a name", ConnectionChecks::brokerName);
        check("a silent connection is kept alive", ConnectionChecks::keepAlive);
        check("inactivity can be switched off", ConnectionChecks::noInactivity);
        check("a producer with a window is told what was taken", ConnectionChecks::producerWindow);
        check("a message that is too large is refused", ConnectionChecks::tooLarge);
        check("a full queue is a ResourceAllocationException", ConnectionChecks::fullQueue);
        check("several destinations in one are refused", ConnectionChecks::composite);
        check("an exclusive consumer is refused", ConnectionChecks::exclusive);
        check("what goes wrong unasked reaches the exception listener", ConnectionChecks::asyncError);
        check("a transaction of which something was refused is rolled back", ConnectionChecks::refusedInTransaction);
        check("distributed transactions are refused", ConnectionChecks::distributed);
        check("a failover connection goes on after a restart", ConnectionChecks::failover);
        check("a durable subscriber goes on after a restart", ConnectionChecks::durableFailover);
    }

    private static void clientIdTwice() throws Exception {
        String options = "?jms.clientID=" + freshName();
        Connection first = connect(options);
        thrown(InvalidClientIDException.class, () -> connect(options));
        first.close();
        connect(options).close();
    }

    private static void brokerName() throws Exception {
        ActiveMQConnection connection = (ActiveMQConnection) connect();
        equal("robust-broker", connection.getBrokerName());
        connection.close();
    }

    private static void keepAlive() throws Exception {
        Connection connection = connect("?wireFormat.maxInactivityDuration=300&wireFormat.maxInactivityDurationInitalDelay=500");
        Session session = auto(connection);
        Queue queue = freshQueue(session);
        MessageConsumer consumer = session.createConsumer(queue);
        Thread.sleep(1000);
        sendTexts(session, queue, 1);
        expectTexts(consumer, "m0");
        connection.close();
    }

    private static void noInactivity() throws Exception {
        Connection connection = connect("?wireFormat.maxInactivityDuration=0");
        Session session = auto(connection);
        Queue queue = freshQueue(session);
        sendTexts(session, queue, 1);
        expectTexts(session.createConsumer(queue), "m0");
        connection.close();
    }

    /** Ten messages fit in the window, so that the eleventh waits for what the server says of the first. */
    private static void producerWindow() throws Exception {
        Connection connection = connect("?jms.useAsyncSend=true&jms.producerWindowSize=12000");
        Session session = auto(connection);
        Queue queue = freshQueue(session);
        sendTexts(session, queue, 300);
        MessageConsumer consumer = session.createConsumer(queue);
        for (int index = 0; index < 300; index += 1) expectTexts(consumer, "m" + index);
        connection.close();
    }

    private static void tooLarge() throws Exception {
        Connection connection = connect();
        Session session = auto(connection);
        MessageProducer producer = session.createProducer(freshQueue(session));
        JMSException error =
            thrown(JMSException.class, () -> producer.send(session.createTextMessage("x".repeat(2_000_000))));
        truth(error.getMessage().contains("MQ_MESSAGE_TOO_LARGE"), error.getMessage());
        producer.send(session.createTextMessage("small"));
        connection.close();
    }

    private static void fullQueue() throws Exception {
        Connection connection = connect();
        Session session = auto(connection);
        ask("make a queue full-queue for one message");
        MessageProducer producer = session.createProducer(session.createQueue("full-queue"));
        producer.send(session.createTextMessage("fits"));
        thrown(ResourceAllocationException.class, () -> producer.send(session.createTextMessage("does not")));
        connection.close();
    }

    private static void composite() throws Exception {
        Connection connection = connect();
        Session session = auto(connection);
        MessageProducer producer = session.createProducer(new ActiveMQQueue("a,b"));
        thrown(InvalidDestinationException.class, () -> producer.send(session.createTextMessage("x")));
        connection.close();
    }

    private static void exclusive() throws Exception {
        Connection connection = connect();
        Session session = auto(connection);
        Queue queue = session.createQueue(freshName() + "?consumer.exclusive=true");
        thrown(JMSException.class, () -> session.createConsumer(queue));
        connection.close();
    }

    private static void asyncError() throws Exception {
        Connection connection = connect("?jms.useAsyncSend=true");
        CompletableFuture<JMSException> heard = new CompletableFuture<>();
        connection.setExceptionListener(heard::complete);
        Session session = auto(connection);
        Queue queue = freshQueue(session);
        session.createProducer(queue).send(session.createTextMessage("x".repeat(2_000_000)));
        JMSException error = heard.get(WAIT_MS, TimeUnit.MILLISECONDS);
        truth(error.getMessage().contains("MQ_MESSAGE_TOO_LARGE"), error.getMessage());
        sendTexts(session, queue, 1);
        expectTexts(session.createConsumer(queue), "m0");
        connection.close();
    }

    private static void refusedInTransaction() throws Exception {
        Connection connection = connect();
        connection.setExceptionListener(error -> { });
        Session session = transacted(connection);
        Queue queue = freshQueue(session);
        sendTexts(session, queue, 1);
        session.createProducer(queue).send(session.createTextMessage("x".repeat(2_000_000)));
        thrown(JMSException.class, session::commit);
        expectNothing(auto(connection).createConsumer(queue));
        connection.close();
    }

    private static void distributed() throws Exception {
        XAConnection connection = new ActiveMQXAConnectionFactory(url()).createXAConnection();
        connection.start();
        XAResource resource = connection.createXASession().getXAResource();
        XATransactionId id = new XATransactionId();
        id.setFormatId(1);
        id.setGlobalTransactionId(new byte[] {1});
        id.setBranchQualifier(new byte[] {2});
        thrown(XAException.class, () -> {
            resource.start(id, XAResource.TMNOFLAGS);
            resource.end(id, XAResource.TMSUCCESS);
            resource.prepare(id);
        });
        connection.close();
    }

    private static Connection lasting(String options) throws JMSException {
        String waits = "&maxReconnectDelay=100&initialReconnectDelay=20&useExponentialBackOff=false";
        Connection connection =
            new ActiveMQConnectionFactory("failover:(" + url() + ")?randomize=false" + waits + options).createConnection();
        connection.start();
        return connection;
    }

    private static void failover() throws Exception {
        Connection connection = lasting("");
        Session session = auto(connection);
        Session transacted = transacted(connection);
        Queue queue = freshQueue(session);
        Queue other = freshQueue(session);
        MessageProducer producer = session.createProducer(queue);
        producer.setDeliveryMode(DeliveryMode.PERSISTENT);
        producer.send(session.createTextMessage("before"));
        MessageConsumer consumer = session.createConsumer(queue);
        expectTexts(consumer, "before");
        ask("restart");
        producer.send(session.createTextMessage("after"));
        expectTexts(consumer, "after");
        transacted.createProducer(other).send(transacted.createTextMessage("whole"));
        transacted.commit();
        expectTexts(session.createConsumer(other), "whole");
        connection.close();
    }

    private static void durableFailover() throws Exception {
        Connection connection = lasting("&jms.clientID=" + freshName());
        Session session = auto(connection);
        javax.jms.Topic topic = session.createTopic(freshName());
        MessageConsumer consumer = session.createDurableSubscriber(topic, "sub");
        sendTexts(session, topic, 1);
        expectTexts(consumer, "m0");
        ask("restart");
        sendTexts(session, topic, 1);
        expectTexts(consumer, "m0");
        connection.close();
    }
}
